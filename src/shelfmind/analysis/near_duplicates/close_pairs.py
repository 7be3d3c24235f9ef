"""Finds all pairs of vectors within a radius without comparing all pairs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from shelfmind.arrays import Floats, Ints

_LEAF = 128
"""Vectors per leaf: small leaves are skipped more often, large ones make better use of matrix products."""
_BOX_AXES = 16
"""Axes on which single vectors are compared with a leaf's box; the other axes vary too little to separate anything."""
_SAMPLE = 20_000


@dataclass(frozen=True)
class _Leaves:
    """Vectors in the order of their leaves: `starts` has one more entry than there are leaves; one box per leaf."""

    vectors: Floats
    half_squares: Floats
    starts: Ints
    low: Floats
    high: Floats


def close_pairs(vectors: Floats, views: tuple[Floats, ...], radius: float) -> Iterator[tuple[Ints, Ints, int]]:
    """Yield pairs (i, j), i < j, at a distance of at most `radius`, in chunks, each with the number of newly
    processed vectors.

    A pair may occur in two chunks.

    `vectors` and each of `views` have shape (N, D). A pair is within the radius if `vectors[i]` is that close to
    `vectors[j]` or to any `view[j]`, or vice versa. Exact: the vectors are partitioned at medians into the leaves of a
    k-d tree on principal axes; leaves whose boxes are farther apart than the radius are skipped, the others are
    compared by matrix products.
    """
    if len(vectors) < 2:
        return
    axes = _principal_axes(vectors)
    turned = vectors @ axes
    order, starts = _leaf_order(turned)
    target = _leaves(turned[order], starts)
    sources = [_leaves((view @ axes)[order], starts) for view in views]
    for row in range(len(starts) - 1):
        found = [_near(target, target, row, radius, first=row)]
        found += [_near(source, target, row, radius, first=0) for source in sources]
        pairs = np.stack([order[np.concatenate(side)] for side in zip(*found, strict=True)])
        pairs.sort(axis=0)
        pairs = np.unique(pairs[:, pairs[0] < pairs[1]], axis=1)
        yield pairs[0], pairs[1], int(starts[row + 1] - starts[row])


def close_pairs_across(
    queries: tuple[Floats, ...], known: tuple[Floats, ...], radius: float
) -> Iterator[tuple[Ints, Ints, int]]:
    """Yield pairs (i, j) of a query vector and a known vector, like `close_pairs`, with the number newly processed.

    Both tuples contain the vectors, shapes (N, D) and (M, D), followed by their views. A pair is within the radius if
    one side is that close to the other or to any of its views.
    """
    if not len(queries[0]) or not len(known[0]):
        return
    axes = _principal_axes(known[0])
    order, starts = _leaf_order(queries[0] @ axes)
    known_order, known_starts = _leaf_order(known[0] @ axes)
    sources = [_leaves((view @ axes)[order], starts) for view in queries]
    targets = [_leaves((view @ axes)[known_order], known_starts) for view in known]
    compared = [*((sources[0], target) for target in targets), *((source, targets[0]) for source in sources[1:])]
    for row in range(len(starts) - 1):
        found = [_near(source, target, row, radius, first=0) for source, target in compared]
        here, there = (np.concatenate(side) for side in zip(*found, strict=True))
        pairs = np.unique(np.stack([order[here], known_order[there]]), axis=1)
        yield pairs[0], pairs[1], int(starts[row + 1] - starts[row])


def _principal_axes(vectors: Floats) -> Floats:
    """An orthogonal matrix whose columns are the principal axes, widest first."""
    stride = max(1, len(vectors) // _SAMPLE)
    sample = vectors[::stride].astype(np.float64)
    centred = sample - sample.mean(0)
    _, axes = np.linalg.eigh(centred.T @ centred)
    return np.asarray(axes[:, ::-1], np.float32)


def _leaf_order(turned: Floats) -> tuple[Ints, Ints]:
    """An order of the vectors in which leaves are contiguous, and the start of each leaf (and the end of the last)."""
    starts: list[int] = []
    order = np.arange(len(turned))
    open_ranges = [(0, len(turned))]
    while open_ranges:
        start, end = open_ranges.pop()
        if end - start <= _LEAF:
            starts.append(start)
            continue
        part = order[start:end]
        axis = int(np.argmax(turned[part].var(0)))
        middle = (end - start) // 2
        order[start:end] = part[np.argpartition(turned[part, axis], middle, kind="introselect")]
        open_ranges += [(start + middle, end), (start, start + middle)]
    return order, np.array([*sorted(starts), len(turned)], np.int64)


def _leaves(vectors: Floats, starts: Ints) -> _Leaves:
    return _Leaves(
        vectors,
        (vectors**2).sum(1) / 2,
        starts,
        np.minimum.reduceat(vectors, starts[:-1]),
        np.maximum.reduceat(vectors, starts[:-1]),
    )


def _near(source: _Leaves, target: _Leaves, row: int, radius: float, first: int) -> tuple[Ints, Ints]:
    """Positions of the pairs between one leaf of the source and the target's leaves from `first` on."""
    low, high = source.low[row], source.high[row]
    gaps = _gap_squares(target.low[first:] - high, low - target.high[first:])
    leaves = first + np.flatnonzero(gaps <= radius**2)
    if not len(leaves):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    columns = np.concatenate([np.arange(target.starts[leaf], target.starts[leaf + 1]) for leaf in leaves])
    coordinates = target.vectors[columns, :_BOX_AXES]
    columns = columns[_gap_squares(coordinates - high[:_BOX_AXES], low[:_BOX_AXES] - coordinates) <= radius**2]
    rows = slice(source.starts[row], source.starts[row + 1])
    nearness = source.vectors[rows] @ target.vectors[columns].T
    nearness -= source.half_squares[rows, None]
    nearness -= target.half_squares[columns]
    here, there = np.nonzero(nearness >= -(radius**2) / 2)
    return here + source.starts[row], columns[there]


def _gap_squares(above: Floats, below: Floats) -> Floats:
    """Squared distances from boxes, given the distances above and below them on each axis."""
    return np.asarray((np.maximum(np.maximum(above, below), 0) ** 2).sum(1))
