"""Connected regions of small pictures in NumPy, so that prediction needs no image-processing package."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from shelfmind.arrays import Bools, Floats, Ints
from shelfmind.disjoint_sets import DisjointSets


def labelled(mask: Bools) -> tuple[Ints, int]:
    """The region number of each pixel of `mask` (height, width), 0 outside, and the number of regions.

    Pixels are 4-connected. Regions are numbered by their first pixels, row by row. Runs of pixels along the rows are
    merged with those that they touch in the row above (Rosenfeld and Pfaltz, JACM 1966).
    """
    height, width = mask.shape
    padded = np.zeros((height, width + 1), np.int8)
    padded[:, :width] = mask
    steps = np.flatnonzero(np.diff(padded.ravel(), prepend=np.int8(0)))  # a run ends before its row's padding
    starts, ends = steps[::2], steps[1::2]
    above = _touching(starts, ends, width + 1)
    sets = DisjointSets(range(len(starts)))
    for one, other in above:
        sets.merge(one, other)
    numbers: dict[int, int] = {}
    of_runs = np.fromiter(
        (numbers.setdefault(sets[run], len(numbers) + 1) for run in range(len(starts))), np.int64, len(starts)
    )
    found = np.zeros(height * (width + 1), np.int64)
    found[padded.ravel().astype(bool)] = np.repeat(of_runs, ends - starts)
    return found.reshape(height, width + 1)[:, :width], len(numbers)


def _touching(starts: Ints, ends: Ints, pitch: int) -> list[tuple[int, int]]:
    """Pairs of runs that touch in consecutive rows; runs are pixel ranges [start, end) in order, with `pitch` pixels
    per row."""
    first = np.searchsorted(ends, starts - pitch, side="right")
    last = np.searchsorted(starts, ends - pitch, side="left")
    return [
        (run, other) for run, (low, high) in enumerate(zip(first.tolist(), last.tolist(), strict=True))
        for other in range(low, high)
    ]  # fmt: skip


def filled(region: Bools) -> Bools:
    """A region with its holes filled: everything that cannot reach the border through 4-connected pixels outside it."""
    outside = np.pad(~region, 1, constant_values=True)
    numbers, _ = labelled(outside)
    return np.asarray(numbers[1:-1, 1:-1] != numbers[0, 0])


def spread(numbers: Ints, reach: int) -> Ints:
    """The maximum within a square of `reach` pixels to each side: a grey dilation. The border is mirrored."""
    for axis in (0, 1):
        padding = [(reach, reach) if each == axis else (0, 0) for each in (0, 1)]
        padded = np.pad(numbers, padding, mode="symmetric")
        numbers = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1, axis=axis).max(axis=-1)
    return numbers


def box_blurred(values: Floats, window: int, axis: int) -> npt.NDArray[np.float64]:
    """Means over `window` (odd) neighbours along an axis of (height, width); the border is mirrored."""
    reach = window // 2
    padded = np.pad(values, [(reach + 1, reach) if each == axis else (0, 0) for each in (0, 1)], mode="symmetric")
    sums = np.cumsum(padded, axis=axis, dtype=np.float64)
    length = sums.shape[axis]
    after, before = (np.take(sums, range(*ends), axis=axis) for ends in ((window, length), (0, length - window)))
    return np.asarray((after - before) / window)
