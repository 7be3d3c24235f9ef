"""Measure the gain of `shelfmind adapt` on photos of other shops, with runs that have not seen these photos.

    .venv/bin/python benchmarks/adapted.py GROCERY_STORE RUN... --weights 0.25 0.5 0.75 1 --out FOLDER

Each run is adapted to the unlabelled photos of a split and evaluated on the same split, as in a shop whose photos are
collected before they are recognised. `--half` adapts to a random half of the photos and evaluates on the other half.
Gains are paired by photo, averaged over the runs, with 95% bootstrap intervals over photos.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

import mindspore_started  # noqa: F401 - before MindSpore
import numpy as np
from command import exit_status, parser_of

from shelfmind.arrays import Bools, Wide
from shelfmind.data import open_catalog
from shelfmind.evaluation.bootstrap import hits, paired_interval
from shelfmind.inference.predictor import RunPredictor
from shelfmind.progress import count_silently
from shelfmind.records import Catalog
from shelfmind.requests.improving import AdaptRequest
from shelfmind.runs.folder import RunFolder
from shelfmind.training.adaptation import adapt
from shelfmind.workflows.evaluate import predict_split


def hits_of(run: Path, catalog: Catalog, split: str, bad_list: Path) -> Wide:
    """Return which photos of the split the run predicts correctly, in order."""
    predictor = RunPredictor(RunFolder(run), calibrated=False)
    return hits(predict_split(predictor, catalog, split, 1.0, bad_list, count_silently))


def main() -> None:
    """Print a table of weights."""
    arguments = _arguments()
    catalog = open_catalog(arguments.data, None, 0)
    photos = catalog.split(arguments.split)
    adapted_to = np.ones(len(photos), bool)
    if arguments.half:
        adapted_to = np.random.default_rng(0).permutation(len(photos)) < len(photos) // 2
    evaluated = ~adapted_to if arguments.half else adapted_to
    arguments.out.mkdir(parents=True, exist_ok=True)
    before = np.stack([hits_of(run, catalog, arguments.split, arguments.out) for run in arguments.runs])
    paths = tuple(str(sample.path) for sample, chosen in zip(photos, adapted_to, strict=True) if chosen)
    print(f"evaluated on {int(evaluated.sum())} photos, adapted to {len(paths)}; {len(arguments.runs)} runs")
    print("| weight | top-1 | gain in points (95%) | by run |\n| --- | ---: | ---: | --- |")
    print(f"| as trained | {_mean(before, evaluated):.1f} | | |", flush=True)
    for weight in arguments.weights:
        after = []
        for number, run in enumerate(arguments.runs):
            out = arguments.out / f"{number}-{weight:g}"
            shutil.rmtree(out, ignore_errors=True)
            adapt(AdaptRequest(run=run, paths=paths, out=out, weight=weight))
            after.append(hits_of(out, catalog, arguments.split, arguments.out))
        gains = np.stack(after) - before
        low, high = paired_interval(gains.mean(0)[evaluated])
        by_run = ", ".join(f"{100 * gain[evaluated].mean():+.1f}" for gain in gains)
        gain = 100 * gains[:, evaluated].mean()
        told = f"{gain:+.1f} ({100 * low:+.1f} to {100 * high:+.1f})"
        print(f"| {weight:g} | {_mean(np.stack(after), evaluated):.1f} | {told} | {by_run} |", flush=True)


def _mean(found: Wide, evaluated: Bools) -> float:
    return float(100 * found[:, evaluated].mean())


def _arguments() -> argparse.Namespace:
    parser = parser_of(__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("runs", type=Path, nargs="+", metavar="RUN")
    parser.add_argument("--split", default="val", help="(default: %(default)s)")
    parser.add_argument("--weights", type=float, nargs="+", default=[0.5])
    parser.add_argument("--half", action="store_true", help="adapt to half of the photos, evaluate on the other half")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(exit_status(main))
