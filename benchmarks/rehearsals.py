"""Compare the data that answers can be fitted to, on the choices of classes of an `expand` folder.

    python benchmarks/rehearsals.py EXPANDED --json rehearsals.json

The fusion and the rejection are each fitted to rehearsals with trained classes or with enrolled products, or the fusion
to both (`shelfmind.recognition.rehearsals`). There are two evaluations: "elsewhere" as in `expand`, on photos of its
evaluation split; "same shops" on training photos that the network was not trained on. In the latter, half of the
held-out photos of trained classes calibrate and the other half evaluate; of each new product, the first three fifths of
the photos, by file name, may be enrolled and the others evaluate. The last row is a bound, not a choice: the current
rule with the offset between trained and enrolled names that is best for the evaluation photos themselves.

The networks' outputs are cached, so that a second run takes seconds. Results are means over choices of classes, each
the mean over samples, with 95% intervals over choices. Several folders with one choice each count as one folder with
several choices.
"""

from __future__ import annotations

import mindspore_started  # noqa: F401 - before MindSpore

# isort: split
import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from command import exit_status, parser_of, show

from shelfmind.arrays import Floats, Ints
from shelfmind.data import open_catalog
from shelfmind.data.folds import block_folds
from shelfmind.inference.embedder import RunEmbedder
from shelfmind.recognition.episodes import Episode, Photos, rehearse_classes, rehearse_gallery
from shelfmind.recognition.evidence import MIN_PROBABILITY, TrainingPhotos
from shelfmind.recognition.expansion import Expansion, Rehearsing, estimates, fitted, fused, measure
from shelfmind.recognition.figures import harmonic_mean
from shelfmind.recognition.rehearsals import CLASSES, PRODUCTS, Rehearsals, rehearse
from shelfmind.records import Sample
from shelfmind.runs.folder import RunFolder
from shelfmind.training.expand import expansion_of, parts_of
from shelfmind.training.watching import Watcher

OFFSETS = np.linspace(-12, 12, 97)
ENROLLABLE = 3
"""Of five blocks of the photos of each new product, by file name, this many may be enrolled."""


def fitted_to(fusing: Sequence[str], rejecting: str) -> Rehearsing:
    """Return rehearsals of these kinds."""

    def rehearsing(
        held_out: Photos,
        learnt: TrainingPhotos,
        names: Sequence[str],
        enrolled: Photos,
        products: Sequence[str],
        false_accepts: float,
    ) -> Rehearsals:
        of: dict[str, list[Episode]] = {
            CLASSES: list(rehearse_classes(held_out, learnt, names)),
            PRODUCTS: list(rehearse_gallery(held_out, learnt, names, enrolled, products)),
        }
        return Rehearsals([each for kind in fusing for each in of[kind]], of[rejecting], rejecting)

    return rehearsing


CHOICES: dict[str, Rehearsing] = {
    "in use": rehearse,
    "classes, classes": fitted_to([CLASSES], CLASSES),
    "classes, products": fitted_to([CLASSES], PRODUCTS),
    "products, products": fitted_to([PRODUCTS], PRODUCTS),
    "both, products": fitted_to([CLASSES, PRODUCTS], PRODUCTS),
}


def expansions(folder: Path) -> Iterator[tuple[Expansion, Expansion]]:
    """Return the evaluation data of each choice of classes: elsewhere, and in the same shops."""
    plan = json.loads((folder / "plan.json").read_text(encoding="utf-8"))
    catalog = open_catalog(Path(plan["data"]), None, plan["seed"])
    for number, seed in enumerate(sorted(folder.glob("seed-*"))):
        parts = parts_of(catalog, plan["unseen"], plan["seed"] + number)
        watcher = Watcher()
        plain, _ = expansion_of(parts, RunEmbedder(RunFolder(seed / "run"), watcher.counter).predictor, watcher)
        whitened = plain.whitened()
        yield whitened, in_the_same_shops(whitened, parts.calibration, parts.shots)


def in_the_same_shops(expansion: Expansion, calibration: Sequence[Sample], shots: Sequence[Sample]) -> Expansion:
    """Return the same with held-out training photos for evaluation."""
    halves = block_folds([str(each.path) for each in calibration], expansion.calibration.labels, 2)
    first = block_folds([str(each.path) for each in shots], expansion.shots.labels, 5) < ENROLLABLE
    return replace(
        expansion,
        calibration=expansion.calibration.rows(np.flatnonzero(halves == 0)),
        seen=expansion.calibration.rows(np.flatnonzero(halves == 1)),
        shots=expansion.shots.rows(np.flatnonzero(first)),
        unseen=expansion.shots.rows(np.flatnonzero(~first)),
    )


def compared(
    found: Sequence[Expansion], shots: int, draws: int, false_accepts: float, rehearsing: Rehearsing
) -> dict[str, str]:
    """Return all results by choice of classes and draw."""
    return _said(
        [[asdict(measure(each, shots, draw, false_accepts, rehearsing)) for draw in range(draws)] for each in found]
    )


def bound(found: Sequence[Expansion], shots: int, draws: int, false_accepts: float) -> dict[str, str]:
    """Return the results of the best offset by harmonic mean, and at a cost of one point on seen classes."""
    return _said([[_bound(each, shots, draw, false_accepts) for draw in range(draws)] for each in found])


def _bound(expansion: Expansion, shots: int, draw: int, false_accepts: float) -> dict[str, float]:
    classes = len(expansion.seen_names)
    before = float((expansion.seen.probabilities.argmax(axis=1) == expansion.seen.labels).mean())
    rows = expansion.enrolled(shots, draw)
    seen, unseen = fused(expansion, rows, *fitted(expansion, rows, false_accepts))
    curve = [
        (
            _right(seen, expansion.seen.labels, classes, offset),
            _right(unseen, classes + expansion.unseen.labels, classes, offset),
        )
        for offset in OFFSETS
    ]
    best = max(curve, key=lambda each: harmonic_mean(*each) or 0.0)
    spared = max((each for each in curve if each[0] >= before - 0.01), key=lambda each: each[1])
    return {"seen_after": best[0], "unseen": best[1], "unseen at a point of seen lost": spared[1]}


def _said(figures: Sequence[Sequence[dict[str, float]]]) -> dict[str, str]:
    """Return means over choices of classes, with Student's 95% intervals if there are several."""
    said = {}
    for name, estimate in estimates(figures).items():
        interval = "" if estimate.ci95 is None else " ({:.3f} to {:.3f})".format(*estimate.ci95)
        said[name] = f"{estimate.mean:.3f}{interval}"
    return said


def _right(probabilities: Floats, labels: Ints, classes: int, offset: float) -> float:
    scores = np.log(np.maximum(probabilities, MIN_PROBABILITY))
    scores[:, classes:] += offset
    return float((scores.argmax(axis=1) == labels).mean())


def main() -> None:
    """Compare and print the results."""
    given = _arguments()
    both = [each for folder in given.expanded for each in expansions(folder)]
    figures: dict[str, Any] = {}
    for shops, place in (("elsewhere", 0), ("same shops", 1)):
        found = [each[place] for each in both]
        for shots in given.shots:
            for name, rehearsing in CHOICES.items():
                figures[f"{shops}, {shots} photos, {name}"] = compared(
                    found, shots, given.draws, given.false_accepts, rehearsing
                )
            figures[f"{shops}, {shots} photos, bound"] = bound(found, shots, given.draws, given.false_accepts)
    show(figures, given.json)


def _arguments() -> argparse.Namespace:
    parser = parser_of(__doc__)
    parser.add_argument("expanded", type=Path, nargs="+", help="folders written by `shelfmind expand`")
    parser.add_argument("--shots", type=int, nargs="+", default=[1, 8], help="photos to enrol per product")
    parser.add_argument("--draws", type=int, default=5, help="random samples of the photos to enrol")
    parser.add_argument("--false-accepts", type=float, default=0.05, help="target false-accept rate")
    parser.add_argument("--json", type=Path, help="also write the results to this file")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(exit_status(main))
