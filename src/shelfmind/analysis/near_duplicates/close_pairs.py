"""Finds nearly all pairs of vectors within a radius without comparing all pairs: an inverted index of cells."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shelfmind.arrays import Bools, Floats, Ints

Vectors = npt.NDArray[np.float16] | npt.NDArray[np.float32]

_PER_CELL = 512
"""Mean vectors per cell: with few, finding the nearest cells takes longer than comparing vectors."""
_SAMPLED_PER_CELL, _ROUNDS = 48, 4
"""Vectors per cell, and rounds, of the k-means clustering that chooses the centres."""
_SLACK = 0.15
"""How much farther than the nearest centre the centre of a searched cell may be. A slack of twice the radius would miss
no pair, but search many more cells."""
_ROWS, _COLUMNS = 512, 8192
"""Largest products of vectors, which bound the memory."""
_MOST = 256
"""Most pairs of one vector with those of a block of `_COLUMNS` vectors of one cell: thousands of nearly identical
photos need not be compared all with all to end up in one group."""


@dataclass(frozen=True)
class _Cells:
    """Vectors by the nearest of C centres: `order` lists them cell by cell, `starts` (C + 1) where each cell starts.

    `columns` are the vectors in this order, ready for products (see `_right`).
    """

    columns: Floats
    centres: Floats
    order: Ints
    starts: Ints

    @classmethod
    def of(cls, vectors: Vectors) -> _Cells:
        """Cluster the vectors."""
        centres = _centres(vectors)
        nearest = _nearest(vectors, centres)
        order = np.argsort(nearest, kind="stable")
        starts = np.searchsorted(nearest[order], np.arange(len(centres) + 1))
        columns = np.empty((len(vectors), vectors.shape[1] + 2), np.float32)
        for start in range(0, len(vectors), _ROWS):
            columns[start : start + _ROWS] = _right(vectors[order[start : start + _ROWS]])
        return cls(columns, _right(centres), order, starts)

    def members(self, cell: int) -> Ints:
        """The positions of the vectors of a cell."""
        return self.order[self.starts[cell] : self.starts[cell + 1]]

    def searched(self, part: Floats) -> Bools:
        """Which cells are searched for each of R rows (as from `_left`), shape (R, C): those whose centres are near."""
        apart = np.sqrt(np.maximum(-2 * (part @ self.centres.T), 0))
        return np.asarray(apart <= apart.min(1, keepdims=True) + _SLACK)

    def near(self, rows: Vectors, radius: float) -> tuple[Ints, Ints]:
        """Pairs (row, position) within the radius, from the searched cells."""
        found: list[tuple[Ints, Ints]] = [(np.zeros(0, np.int64), np.zeros(0, np.int64))]
        for start in range(0, len(rows), _ROWS):
            part = _left(rows[start : start + _ROWS])
            searched = self.searched(part)
            for cell in np.flatnonzero(searched.any(0)).tolist():
                chosen = np.flatnonzero(searched[:, cell])
                for first in range(self.starts[cell], self.starts[cell + 1], _COLUMNS):
                    columns = self.columns[first : min(first + _COLUMNS, self.starts[cell + 1])]
                    here, there = _within(part[chosen] @ columns.T, radius)
                    found.append((chosen[here] + start, self.order[there + first]))
        here, there = (np.concatenate(side) for side in zip(*found, strict=True))
        return here, there


def close_pairs(vectors: Vectors, views: tuple[Vectors, ...], radius: float) -> Iterator[tuple[Ints, Ints, int]]:
    """Yield pairs (i, j), i < j, at a distance of at most `radius`, in chunks, each with the number of newly
    processed vectors.

    A pair may occur in two chunks.

    `vectors` and each of `views` have shape (N, D), in single or half precision. A pair is within the radius if
    `vectors[i]` is that close to `vectors[j]` or to any `view[j]`, or vice versa. The vectors are divided among cells
    by k-means (an inverted index: Jégou et al., "Product quantization for nearest neighbor search", PAMI 2011), and
    each is compared only with those of the nearest cells, so that a few pairs just within the radius are missed. Of
    very many close vectors, only the nearest are paired.
    """
    if len(vectors) < 2:
        return
    cells = _Cells.of(vectors)
    for cell in range(len(cells.starts) - 1):
        together = cells.members(cell)
        for start in range(0, len(together), _ROWS):
            members = together[start : start + _ROWS]
            found = [cells.near(view[members], radius) for view in (vectors, *views)]
            here, there = (np.concatenate(side) for side in zip(*found, strict=True))
            pairs = np.sort(np.stack([members[here], there]), axis=0)
            pairs = _distinct(pairs[:, pairs[0] < pairs[1]], len(vectors))
            yield pairs[0], pairs[1], len(members)


def close_pairs_across(
    queries: tuple[Vectors, ...], known: tuple[Vectors, ...], radius: float
) -> Iterator[tuple[Ints, Ints, int]]:
    """Yield pairs (i, j) of a query vector and a known vector, like `close_pairs`, with the number newly processed.

    Both tuples contain the vectors, shapes (N, D) and (M, D), followed by their views. A pair is within the radius if
    the vector of one side is that close to the other's or to any of its views.
    """
    count = len(queries[0])
    if not count or not len(known[0]):
        return
    indexed = [_Cells.of(view) for view in known]
    compared = [(queries[0], cells) for cells in indexed] + [(view, indexed[0]) for view in queries[1:]]
    for start in range(0, count, _ROWS):
        found = [cells.near(view[start : start + _ROWS], radius) for view, cells in compared]
        here, there = (np.concatenate(side) for side in zip(*found, strict=True))
        pairs = _distinct(np.stack([here + start, there]), len(known[0]))
        yield pairs[0], pairs[1], min(_ROWS, count - start)


def _centres(vectors: Vectors) -> Floats:
    """The centres of the cells: k-means (Lloyd) on a sample."""
    count = max(1, len(vectors) // _PER_CELL)
    rng = np.random.default_rng(0)
    sampled = np.sort(rng.choice(len(vectors), min(len(vectors), count * _SAMPLED_PER_CELL), replace=False))
    sample = np.asarray(vectors[sampled], np.float32)
    centres = sample[rng.choice(len(sample), count, replace=False)]
    for _ in range(_ROUNDS if count > 1 else 0):
        nearest = _nearest(sample, centres)
        order = np.argsort(nearest, kind="stable")
        present, first = np.unique(nearest[order], return_index=True)
        sizes = np.diff(np.append(first, len(order)))
        centres[present] = np.add.reduceat(sample[order], first) / sizes[:, None]
    return np.asarray(centres, np.float32)


def _left(vectors: Vectors) -> Floats:
    """Vectors x as rows (x, -x²/2, 1): the product with `_right` of y is -(x - y)²/2, in one pass."""
    plain = np.asarray(vectors, np.float32)
    return np.column_stack([plain, np.square(plain).sum(1) / -2, np.ones(len(plain), np.float32)])


def _right(vectors: Vectors) -> Floats:
    """Vectors y as rows (y, 1, -y²/2)."""
    plain = np.asarray(vectors, np.float32)
    return np.column_stack([plain, np.ones(len(plain), np.float32), np.square(plain).sum(1) / -2])


def _within(products: Floats, radius: float) -> tuple[Ints, Ints]:
    """Rows and columns of the products of `_left` and `_right` within the radius; of many in a row, the nearest."""
    close = products >= -(radius**2) / 2
    found = np.flatnonzero(close)  # much faster than `nonzero` of a matrix
    if len(found) > _MOST and products.shape[1] > _MOST:
        for row in np.flatnonzero(close.sum(1) > _MOST):
            nearest = np.argpartition(products[row], -_MOST)[-_MOST:]
            close[row] = False
            close[row, nearest] = True
        found = np.flatnonzero(close)
    here, there = np.divmod(found, products.shape[1])
    return here, there


def _nearest(vectors: Vectors, centres: Floats) -> Ints:
    """The nearest centre of each vector."""
    columns = _right(centres).T
    starts = range(0, len(vectors), _ROWS)
    return np.concatenate([(_left(vectors[start : start + _ROWS]) @ columns).argmax(1) for start in starts])


def _distinct(pairs: Ints, count: int) -> Ints:
    """Each pair (2, P) once; the second positions are below `count`."""
    keys = np.unique(pairs[0] * count + pairs[1])
    return np.stack(np.divmod(keys, count))
