"""Measure the accuracy cost of bf16 and int8 for a trained network, on held-out photos.

    .venv/bin/shelfmind export RUN --out NETS/fp32.onnx
    .venv/bin/shelfmind export RUN --precision int8 --out NETS/int8.onnx
    .venv/bin/python benchmarks/precisions.py RUN NETS/fp32.onnx@onnx NETS/int8.onnx@onnx NETS/int8.onnx@openvino \\
        --data GROCERY_STORE --json precisions.json

The others are compared with the first file, on the run's validation split. Because so few photos cannot exclude a loss
of half a point, each photo is also evaluated in other views, each counted separately: mirrored or not, whole or one of
five crops of 84% of its side, original brightness, darker or brighter; 36 in all. This measures how often rounding
changes a prediction, for more inputs like these photos; it does not enlarge the sample of photos. Intervals are
therefore over photos: the mean difference over a photo's views is one number, and photos are resampled with replacement
(cluster bootstrap). The plain views alone are reported as well.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from command import exit_status, parser_of, show

from shelfmind.arrays import Ints, Wide
from shelfmind.evaluation.bootstrap import paired_interval
from shelfmind.images.rescaling import rescaled
from shelfmind.images.squares import Square, open_squares
from shelfmind.inference.engines import Engine
from shelfmind.inference.predictor import load
from shelfmind.inference.views import View, apply_view, test_time_views
from shelfmind.progress import count_silently
from shelfmind.recipe import Recipe
from shelfmind.runs.folder import RunFolder
from shelfmind.runs.known_data import open_known

VIEWS = ("flip", "crops", "colour")
BATCH = 32


def main() -> int:
    """Run the selected measurements. Return the exit status."""
    parser = parser_of(__doc__)
    parser.add_argument("run", type=Path, help="run of the exported files")
    parser.add_argument("files", nargs="+", metavar="FILE@ENGINE", help="files to compare; the first is in fp32")
    parser.add_argument("--data", type=Path, required=True, help="the run's data set")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the results to this file")
    arguments = parser.parse_args()

    def work() -> None:
        run = RunFolder(arguments.run)
        recipe = run.read_recipe()
        squares, labels = _photos(run, recipe, arguments.data)
        found = {}
        for wanted in arguments.files:
            path, _, engine = wanted.rpartition("@")
            answering = load(Path(path), (), engine).engine
            found[answering.name] = _answers(answering, squares, recipe.evaluation_size)
        before = next(iter(found.values()))
        figures: dict[str, Any] = {"photos": len(squares), "views": len(before)}
        figures |= {name: _compared(before, after, labels) for name, after in found.items()}
        show(figures, arguments.json)

    return exit_status(work)


def _photos(run: RunFolder, recipe: Recipe, data: Path) -> tuple[list[Square], Ints]:
    catalog = open_known([run], data, None, count_silently, allow_seen=True).catalog
    squares, good, _ = open_squares(list(catalog.split("val")), recipe.data)
    return [squares[index] for index in range(len(squares))], np.array([sample.label for sample in good], np.int64)


def _answers(engine: Engine, squares: list[Square], size: int) -> Ints:
    """Return the top-1 class of each photo in each view, (V, N); the plain view comes first."""
    return np.stack([_seen(engine, squares, size, view) for view in test_time_views(VIEWS)])


def _seen(engine: Engine, squares: list[Square], size: int, view: View) -> Ints:
    best = []
    for at in range(0, len(squares), BATCH):
        images = np.stack([rescaled(apply_view(each, view), size) for each in squares[at : at + BATCH]])
        probabilities, _ = engine(np.ascontiguousarray(images[:, :, ::-1]) if view.flip else images)
        best.append(probabilities.argmax(axis=1))
    return np.concatenate(best)


def _accuracy(hits: Any) -> dict[str, float]:
    return {"plain": _percent(hits[0].mean()), "all views": _percent(hits.mean())}


def _compared(before: Ints, after: Ints, labels: Ints) -> dict[str, Any]:
    """Return the gain in points with paired 95% intervals over photos, and the agreement."""
    gained: Wide = (after == labels).astype(np.float64) - (before == labels)
    return {
        "accuracy": _accuracy(after == labels),
        "gained, plain": _gain(gained[0]),
        "gained, all views": _gain(gained.mean(axis=0)),
        "same best class": _accuracy(before == after),
    }


def _gain(differences: Wide) -> list[float]:
    return [_percent(each) for each in (differences.mean(), *paired_interval(differences))]


def _percent(share: Any) -> float:
    return round(100 * float(share), 2)


if __name__ == "__main__":
    sys.exit(main())
