"""Measures what bf16 and int8 cost a trained network in accuracy, on photos that it was not trained on.

    .venv/bin/shelfmind export RUN --precision int8 --out NETS/int8.onnx ...
    .venv/bin/python benchmarks/precisions.py REFERENCE FILE@ENGINE... --data GROCERY_STORE --json precisions.json

REFERENCE is the run's fp32 file in ONNX Runtime, which answers as MindSpore does to 1e-6 (`shelfmind export` says so).
The photos are those of the run's validation split. As few photos cannot exclude half a point, each is also looked at in
other views, of which every one counts by itself: mirrored or not, whole or one of five crops of 84% of its side, as
bright as it is, darker or brighter, 36 in all. That asks how often rounding changes an answer, of more inputs like these
photos; it is no larger sample of photos. So intervals are over photos: the mean difference of a photo's views is one
number, and photos are drawn again with replacement (bootstrap by clusters). The plain views alone are reported, too.
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
from shelfmind.inference.predictor import Predictor, load
from shelfmind.inference.views import View, apply_view, test_time_views
from shelfmind.progress import count_silently
from shelfmind.runs.folder import RunFolder
from shelfmind.runs.known_data import open_known

VIEWS = ("flip", "crops", "colour")
BATCH = 32


def main() -> int:
    """Measure what the command line asks for; returns the exit status."""
    parser = parser_of(__doc__)
    parser.add_argument("reference", type=Path, help="the run's network.onnx")
    parser.add_argument("files", nargs="+", metavar="FILE@ENGINE", help="what is compared with it")
    parser.add_argument("--data", type=Path, required=True, help="the run's data set")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures here")
    arguments = parser.parse_args()

    def work() -> None:
        reference = load(arguments.reference, (), "onnx")
        squares, labels = _photos(reference, arguments.reference.parent, arguments.data)
        size = reference.recipe.evaluation_size
        before = _answers(reference.engine, squares, size)
        figures: dict[str, Any] = {
            "photos": len(squares),
            "views": len(before),
            "fp32": _accuracy(before == labels),
        }
        for wanted in arguments.files:
            path, _, engine = wanted.partition("@")
            after = _answers(load(Path(path), (), engine).engine, squares, size)
            figures[f"{Path(path).name} {engine}"] = _compared(before, after, labels)
            show({wanted: figures[f"{Path(path).name} {engine}"]}, None)
        show(figures, arguments.json)

    return exit_status(work)


def _photos(predictor: Predictor, run: Path, data: Path) -> tuple[list[Square], Ints]:
    catalog = open_known([RunFolder(run)], data, None, count_silently, allow_seen=True).catalog
    squares, good, _ = open_squares(list(catalog.split("val")), predictor.recipe.data)
    return [squares[index] for index in range(len(squares))], np.array([sample.label for sample in good], np.int64)


def _answers(engine: Engine, squares: list[Square], size: int) -> Ints:
    """The best class of each photo in each view, (V, N); the plain view is the first."""
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
    """Points gained with paired 95% intervals over photos, and the share of equal answers."""
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
