"""Compare the rows of an ablation on groups of photos: tall, square and wide ones, or groups of classes.

    shelfmind ablate resize --data PHOTOS --seeds 3 --jobs 2 --out FOLDER
    .venv/bin/python benchmarks/by_group.py resize --data PHOTOS --seeds 3 --jobs 2 --out FOLDER

Pass the same arguments as to `shelfmind ablate`. Nothing is trained; the results are read from the folder. Differences
are paired by photo, averaged over the seeds, with a 95% bootstrap interval over the photos of a group. `--classes FILE`
groups by class: a CSV with the columns class and group.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from command import exit_status, parser_of
from PIL import ExifTags, Image
from rows import read_rows

from shelfmind.ablation.expansion import Expansion, Settings
from shelfmind.ablation.store import Result, Store, digest_of_paths
from shelfmind.ablation.table import BASE, read_table
from shelfmind.arrays import Bools, Wide
from shelfmind.data import absolute, open_catalog
from shelfmind.data.digest import data_digest
from shelfmind.errors import UserError
from shelfmind.evaluation.bootstrap import paired_interval
from shelfmind.machine.cores import available_cores
from shelfmind.requests.ablating import AblateRequest

TALL, WIDE = 1.5, 0.75
"""Ratio of height to width above which a photo is tall, and below which it is wide."""
TURNED = range(5, 9)
"""EXIF orientations of photos that are stored on their side."""


def shapes_of(paths: list[Path]) -> dict[str, Bools]:
    """Return which photos have each shape, read from their headers."""
    ratios = []
    for path in paths:
        with Image.open(path) as image:
            ratio = image.height / image.width
            ratios.append(1 / ratio if image.getexif().get(ExifTags.Base.Orientation, 1) in TURNED else ratio)
    ratio = np.array(ratios)
    return {
        "all": np.ones(len(ratio), bool),
        f"tall (height over {TALL:g} of the width)": ratio > TALL,
        "about square": (ratio <= TALL) & (ratio >= WIDE),
        f"wide (height under {WIDE:g})": ratio < WIDE,
    }


def classes_of(labels: list[str], file: Path) -> dict[str, Bools]:
    """Return which photos belong to each group of classes, given the class of each photo."""
    group = {row["class"]: row["group"] for row in read_rows(file)}
    missing = sorted(set(labels) - group.keys())
    if missing:
        raise UserError(f"{file} does not list the class '{missing[0]}'")
    groups = np.array([group[label] for label in labels])
    return {"all": np.ones(len(groups), bool), **{str(each): groups == each for each in np.unique(groups)}}


def hits_of(store: Store, expansion: Expansion, seeds: list[int], images: str) -> dict[str, Wide]:
    """Return each row's mean over its seeds per photo; rows that lack a seed are left out."""
    found: dict[str, list[Wide]] = {}
    for cell in expansion.cells(seeds):
        result = Result.load(store.result(cell.answer))
        if result is None or result.images != images:
            continue
        found.setdefault(cell.row, []).append(result.outcomes.correct.astype(np.float64))
    return {row: np.mean(each, axis=0) for row, each in found.items() if len(each) == len(seeds)}


def main() -> None:
    """Print the table."""
    arguments = _arguments()
    request = AblateRequest(table=arguments.table, data=arguments.data, seeds=arguments.seeds, out=arguments.out)
    catalog = open_catalog(arguments.data, None, 0)
    split = arguments.split or ("test" if catalog.split("test") else "val")
    samples = sorted(catalog.split(split), key=lambda sample: str(sample.path))
    paths = [sample.path for sample in samples]
    given, root = tuple(arguments.set), absolute(arguments.data)
    settings = Settings(arguments.recipe, given, arguments.epochs, arguments.max_minutes, root)
    expansion = Expansion(read_table(arguments.table), Path(arguments.table).stem, settings)
    store = Store(arguments.out.absolute(), data_digest(catalog), split, available_cores() // arguments.jobs)
    hits = hits_of(store, expansion, list(request.seeds), digest_of_paths([str(path) for path in paths]))
    if BASE not in hits:
        raise UserError(f"{arguments.out} has no results of the base for these arguments")
    if arguments.classes is None:
        groups = shapes_of(paths)
    else:
        groups = classes_of([catalog.class_names[sample.label] for sample in samples], arguments.classes)
    for group, chosen in groups.items():
        if not chosen.any():
            continue
        print(f"\n{group}: {int(chosen.sum())} photos\n\n| row | top-1 | difference (95%) |")
        print("| --- | ---: | ---: |")
        for row, each in hits.items():
            against = expansion.rows[row].against
            told = "" if row == BASE or against not in hits else _told(each[chosen] - hits[against][chosen])
            print(f"| {row} | {100 * each[chosen].mean():.1f} | {told} |")


def _told(differences: Wide) -> str:
    low, high = paired_interval(differences)
    return f"{100 * differences.mean():+.1f} ({100 * low:+.1f} to {100 * high:+.1f})"


def _arguments() -> argparse.Namespace:
    parser = parser_of(__doc__)
    parser.add_argument("table")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", default="3")
    parser.add_argument("--recipe")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--max-minutes", type=float)
    parser.add_argument("--split")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--classes", type=Path, help="a CSV with the columns class and group (default: by shape)")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(exit_status(main))
