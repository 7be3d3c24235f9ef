"""Holds the audit's search of copies against FAISS and OpenCV, on the same fingerprints.

    python -m venv other && other/bin/python -m pip install -e . faiss-cpu opencv-python-headless "numpy<2"
    taskset -c 0 other/bin/python benchmarks/copies_by_libraries.py --json copies_by_libraries.json

Photos are drawn by `shelfmind generate`, three in ten of them near-copies (re-encoded, resized, cropped, lit).

Close pairs: `analysis/close_pairs.py` and FAISS's `range_search` with the audit's radius, over the descriptors of the
drawn photos and over those of more fingerprints, blended from theirs. Every search runs in a process of its own, on one
thread; its processor time includes building the index, its memory is what it adds to the vectors (Linux only).
`IndexFlatL2` compares all with all, `IndexIVFFlat` only the vectors of the nearest cells, so that it misses pairs.

Alignment: the copies, and as many pairs within the radius that are no copies (mostly siblings of one product line),
are laid over each other by `analysis/alignment.py`, by OpenCV's `findTransformECC` and by `phaseCorrelate`. A library's
score alone decides at the threshold that is best (F1) on one half of the pairs; the other half reports. "Its place, our
limits" judges by the audit's limits what is left of a pair at the place where ECC laid it.
"""

from __future__ import annotations

import one_thread  # noqa: F401 - before NumPy

# isort: split
import argparse
import io
import multiprocessing
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from command import exit_status, parser_of
from duplicates import blended, share, show
from rows import read_rows

from shelfmind import generate
from shelfmind.analysis.measuring.measurement import measure
from shelfmind.analysis.near_duplicates import alignment
from shelfmind.analysis.near_duplicates.close_pairs import close_pairs
from shelfmind.analysis.near_duplicates.groups import Limits, same_photo
from shelfmind.arrays import Bools, Floats, Ints
from shelfmind.errors import UserError
from shelfmind.files import write_json
from shelfmind.images.fingerprints import SIDE, VIEWS, descriptors

Prints = npt.NDArray[np.void]

PACKAGES = {"faiss": "faiss-cpu", "cv2": "opencv-python-headless"}
QUERIES_AT_ONCE = 4096
CELLS_LOOKED_AT = 16
PAIRS_AT_ONCE = 256
ECC = {"blurred by 5 px, coarse end": (5, 1e-4), "not blurred, coarse end": (1, 1e-4), "not blurred": (1, 1e-6)}
"""The side of ECC's Gaussian filter, and the gain in correlation at which it stops, at most 50 steps."""


@dataclass(frozen=True)
class Photos:
    """Drawn photos: shape (N,) each; `original` is the position of the photo that each is a copy of, or its own."""

    prints: Prints
    shapes: Floats
    original: Ints


def drawn(folder: Path, classes: int, images: int, seed: int) -> Photos:
    generate(folder, classes=classes, images=images, seed=seed, duplicates=0.3)
    truth = read_rows(folder / "truth.csv")
    place = {row["path"]: number for number, row in enumerate(truth)}
    contents = [(folder / row["path"]).read_bytes() for row in truth]
    records = np.stack([measure(io.BytesIO(content), len(content), ".jpg") for content in contents])
    return Photos(
        records["fingerprint"],
        np.log(records["facts"]["height"].astype(np.float32) / records["facts"]["width"]),
        np.array([place[row["duplicate_of"] or row["path"]] for row in truth], np.int64),
    )


def described(prints: Prints, shapes: Floats) -> Floats:
    """The vectors that the audit compares, shape (views, N, D)."""
    return np.stack([np.concatenate([descriptors(prints, crop), shapes[:, None]], 1) for crop in VIEWS])


def more(photos: Photos, count: int, seed: int) -> Floats:
    rng = np.random.default_rng(seed)
    sizes = [min(QUERIES_AT_ONCE, count - start) for start in range(0, count, QUERIES_AT_ONCE)]
    parts = [described(blended(photos.prints, size, rng), rng.choice(photos.shapes, size)) for size in sizes]
    return np.concatenate(parts, axis=1)


def found_by_us(views: Floats, radius: float) -> Iterator[Ints]:
    for here, there, _ in close_pairs(views[0], tuple(views[1:]), radius):
        yield np.stack([here, there])


def found_by_flat(views: Floats, radius: float) -> Iterator[Ints]:
    import faiss

    yield from _ranged(faiss.IndexFlatL2(views.shape[2]), views, radius)


def found_by_cells(views: Floats, radius: float) -> Iterator[Ints]:
    import faiss

    cells = int(4 * np.sqrt(views.shape[1]))
    index = faiss.IndexIVFFlat(faiss.IndexFlatL2(views.shape[2]), views.shape[2], cells)
    index.cp.seed = 0
    index.train(views[0])
    index.nprobe = CELLS_LOOKED_AT
    yield from _ranged(index, views, radius)


def _ranged(index: Any, views: Floats, radius: float) -> Iterator[Ints]:
    index.add(views[0])
    for view in views:
        for start in range(0, len(view), QUERIES_AT_ONCE):
            limits, _, found = index.range_search(view[start : start + QUERIES_AT_ONCE], radius**2)
            yield np.stack([np.repeat(np.arange(len(limits) - 1) + start, np.diff(limits).astype(np.int64)), found])


SEARCHES: dict[str, Callable[[Floats, float], Iterator[Ints]]] = {
    "ours": found_by_us,
    "IndexFlatL2": found_by_flat,
    "IndexIVFFlat": found_by_cells,
}


def searched(name: str, file: Path, radius: float) -> tuple[float, float, Ints]:
    """Processor seconds, MiB added at most, and the pairs (i, j), i < j, as i * N + j; runs in a process of its own."""
    views = np.load(file)
    if name != "ours":
        import faiss

        faiss.omp_set_num_threads(1)
    before = _resident_mib("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the greatest memory so far is forgotten
    began = time.process_time()
    keys = []
    for pairs in SEARCHES[name](views, radius):
        low, high = pairs.min(0), pairs.max(0)
        keys.append((low * views.shape[1] + high)[low < high])
    seconds = time.process_time() - began
    return seconds, _resident_mib("VmHWM") - before, np.unique(np.concatenate(keys))


def _resident_mib(which: str) -> float:
    """The memory of this process now (``VmRSS``) or at most (``VmHWM``), on Linux."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(which)).split()[1]) / 1024


def compared_searches(views: Floats, folder: Path, radius: float) -> tuple[dict[str, Any], Ints]:
    """Figures of each search over the same vectors, and the pairs that ours finds."""
    file = folder / "views.npy"
    np.save(file, views)
    figures: dict[str, Any] = {}
    ours = np.zeros(0, np.int64)
    for name in SEARCHES:
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
            seconds, added, keys = process.submit(searched, name, file, radius).result()
        ours = keys if name == "ours" else ours
        both = len(np.intersect1d(keys, ours, assume_unique=True))
        figures[name] = {
            "processor_seconds": round(seconds, 2),
            "added_mib": round(added),
            "pairs": len(keys),
            "only_ours": len(ours) - both,
            "only_here": len(keys) - both,
        }
    return figures, np.stack(np.divmod(ours, views.shape[1]), 1)


def judged_by_us(first: Prints, second: Prints) -> tuple[Bools, Floats]:
    """Which pairs are one photo by the audit's steps and limits, and no score."""
    same = np.zeros(len(first), np.bool_)
    for start in range(0, len(first), PAIRS_AT_ONCE):
        rows = np.arange(start, min(start + PAIRS_AT_ONCE, len(first)))
        place, forecast = alignment.rough_fit(first[rows], second[rows])
        left = forecast <= Limits().coarse
        rows, place = rows[left], place[left]
        if len(rows):
            place, forecast = alignment.closer_fit(first[rows], second[rows], place)
            left = forecast <= Limits().closer
            rows, place = rows[left], place[left]
        if len(rows):
            same[rows] = same_photo(alignment.difference(first[rows], second[rows], place), Limits())
    return same, np.zeros(0, np.float32)


def laid_by_ecc(first: Prints, second: Prints, blur: int, least_gain: float) -> tuple[Floats, Floats]:
    """Where ECC lays each first picture over the second, as `alignment` has it, (P, 4), and its correlation, (P,)."""
    import cv2

    ends = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 50, least_gain)
    places, scores = np.zeros((len(first), 4), np.float32), np.full(len(first), -1.0, np.float32)
    for row, (one, two) in enumerate(zip(first["luma"], second["luma"], strict=True)):
        warp = np.eye(2, 3, dtype=np.float32)
        try:
            scores[row], warp = cv2.findTransformECC(two, one, warp, cv2.MOTION_AFFINE, ends, None, blur)
        except cv2.error:  # it did not converge
            continue
        stretched = (np.array([warp[1, 1], warp[0, 0]]) - 1) * SIDE
        shifted = np.array([warp[1, 2], warp[0, 2]]) + stretched * (SIDE - 1) / 2 / SIDE
        places[row] = np.stack([shifted, stretched], 1).ravel()
    return places, scores


def left_at(first: Prints, second: Prints, places: Floats) -> Bools:
    """Which pairs are one photo by the audit's limits when laid over each other at these places."""
    plan, alignment._FINE_PLAN = alignment._FINE_PLAN, ()
    try:
        starts = range(0, len(first), PAIRS_AT_ONCE)
        parts = [
            (first[n : n + PAIRS_AT_ONCE], second[n : n + PAIRS_AT_ONCE], places[n : n + PAIRS_AT_ONCE]) for n in starts
        ]
        return np.concatenate([same_photo(alignment.difference(*part), Limits()) for part in parts])
    finally:
        alignment._FINE_PLAN = plan


def judged_by_ecc(blur: int, least_gain: float) -> Callable[[Prints, Prints], tuple[Bools, Floats]]:
    def judged(first: Prints, second: Prints) -> tuple[Bools, Floats]:
        places, scores = laid_by_ecc(first, second, blur, least_gain)
        return left_at(first, second, places) & (scores > -1), scores

    return judged


def judged_by_phase(first: Prints, second: Prints) -> tuple[Bools | None, Floats]:
    import cv2

    window = cv2.createHanningWindow((SIDE, SIDE), cv2.CV_32F)
    pairs = zip(first["luma"].astype(np.float32), second["luma"].astype(np.float32), strict=True)
    return None, np.array([cv2.phaseCorrelate(one, two, window)[1] for one, two in pairs], np.float32)


def compared_alignments(photos: Photos, close: Ints, seed: int) -> dict[str, Any]:
    """Recall and precision of each way on copies and on close pairs that are none."""
    rng = np.random.default_rng(seed)
    copies = np.flatnonzero(photos.original != np.arange(len(photos.original)))
    true = np.stack([photos.original[copies], copies], 1)
    other = close[photos.original[close[:, 0]] != photos.original[close[:, 1]]]
    false = other[rng.permutation(len(other))[: len(true)]]
    pairs = np.concatenate([true, false])
    truth = np.arange(len(pairs)) < len(true)
    reports = rng.random(len(pairs)) < 0.5
    first, second = photos.prints[pairs[:, 0]], photos.prints[pairs[:, 1]]
    ways: dict[str, Callable[[Prints, Prints], tuple[Bools | None, Floats]]] = {
        "ours": judged_by_us,
        **{f"ECC, {name}": judged_by_ecc(*settings) for name, settings in ECC.items()},
        "phase correlation": judged_by_phase,
    }
    figures: dict[str, Any] = {"copies": len(true), "others": len(false), "other_pairs_in_radius": len(other)}
    for name, judge in ways.items():
        same, scores = judge(first, second)
        figures[name] = {
            "ms_a_copy": round(milliseconds(judge, first[truth], second[truth]), 2),
            "ms_another_pair": round(milliseconds(judge, first[~truth], second[~truth]), 2),
        }
        if same is not None:
            key = "by_our_limits" if name == "ours" else "its_place_our_limits"
            figures[name][key] = told_apart(same[reports], truth[reports])
        if len(scores):
            threshold = max(np.unique(scores[~reports]), key=lambda at: f1(scores[~reports] >= at, truth[~reports]))
            figures[name]["threshold"] = float(threshold)
            figures[name]["by_its_score"] = told_apart(scores[reports] >= threshold, truth[reports])
    return figures


def milliseconds(judge: Callable[[Prints, Prints], Any], first: Prints, second: Prints) -> float:
    """Processor time a pair."""
    began = time.process_time()
    judge(first, second)
    return (time.process_time() - began) / len(first) * 1e3


def told_apart(same: Bools, truth: Bools) -> dict[str, Any]:
    right = int((same & truth).sum())
    return {"recall": share(right, int(truth.sum())), "precision": share(right, int(same.sum()))}


def f1(same: Bools, truth: Bools) -> float:
    return float(2 * (same & truth).sum() / (same.sum() + truth.sum()))


def main() -> int:
    arguments = _arguments()

    def work() -> None:
        missing = [package for module, package in PACKAGES.items() if find_spec(module) is None]
        if missing:
            raise UserError(f"this comparison needs {' and '.join(missing)}; run: pip install {' '.join(missing)}")
        with tempfile.TemporaryDirectory() as folder:
            photos = drawn(Path(folder) / "drawn", arguments.classes, arguments.images, arguments.seed)
            radius = Limits().radius
            views = described(photos.prints, photos.shapes)
            searches, close = compared_searches(views, Path(folder), radius)
            figures: dict[str, Any] = {f"close pairs, {len(photos.prints):,} photos": searches}
            for count in arguments.counts:
                searches, _ = compared_searches(more(photos, count, arguments.seed), Path(folder), radius)
                figures[f"close pairs, {count:,} blends"] = searches
        figures["alignment"] = compared_alignments(photos, close, arguments.seed)
        show(figures)
        if arguments.json is not None:
            write_json(arguments.json, figures)

    return exit_status(work)


def _arguments() -> argparse.Namespace:
    parser = parser_of(__doc__)
    parser.add_argument("--classes", type=int, default=100, help="of the drawn photos (default: %(default)s)")
    parser.add_argument("--images", type=int, default=3000, help="drawn photos (default: %(default)s)")
    parser.add_argument("--counts", type=int, nargs="*", default=[20_000, 100_000], help="blended fingerprints")
    parser.add_argument("--seed", type=int, default=0, help="(default: %(default)s)")
    parser.add_argument("--json", type=Path, help="also write the figures there")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
