"""The most probable classes of many images, in place of a matrix of images x classes that memory cannot hold."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from shelfmind.arrays import Floats, Ints
from shelfmind.errors import UserError

KEPT = 100
"""The number of classes kept per image."""
MOST_VALUES = 2**29
"""The greatest number of probabilities that are kept in full: 2 GiB."""
_BLOCK, _LONG = 64, 8192
"""The number of values in a block, and the length from which rows are first searched by blocks."""


def exceeds_memory(images: int, classes: int) -> bool:
    """Whether only the most probable classes of this many images are kept."""
    return images * classes > MOST_VALUES


def best(row: npt.NDArray[np.floating[Any]], count: int) -> Ints:
    """The indices of the `count` greatest values of a row (C,), greatest first; ties go to the lower index."""
    among = np.arange(len(row))
    if len(row) > max(_BLOCK * count, _LONG):  # at least `count` values reach the `count`th greatest maximum of a block
        blocks = row[: len(row) // _BLOCK * _BLOCK].reshape(_BLOCK, -1).max(axis=0)
        among = _reaching(row, among, np.partition(blocks, -count)[-count], count)
    if count < len(among):
        among = _reaching(row, among, np.partition(row[among], -count)[-count], count)
    return np.asarray(among[np.argsort(-row[among], kind="stable")[:count]], np.int64)


def _reaching(row: npt.NDArray[np.floating[Any]], among: Ints, least: np.floating[Any], count: int) -> Ints:
    """Those `among` the indices whose value is at least `least`; all if these are fewer than `count`, as with values
    that are not numbers."""
    candidates: Ints = among[row[among] >= least] if len(among) < len(row) else np.flatnonzero(row >= least)
    return candidates if len(candidates) >= count else among


@dataclass(frozen=True)
class TopProbabilities:
    """Probabilities of N images for C classes, of which those of the `KEPT` most probable classes are exact.

    The rest of each row's sum of 1 is spread evenly over its other classes. Indexing with rows gives an ordinary array
    of these rows, so that code that works in chunks needs no change; what needs all rows at once raises `UserError`.

    Attributes:
        ids: the most probable classes of each image, most probable first, shape (N, K).
        values: their probabilities, shape (N, K).
        classes: C.
    """

    ids: npt.NDArray[np.int32]
    values: Floats
    classes: int

    @classmethod
    def of(cls, batches: Iterable[Floats], classes: int) -> TopProbabilities:
        """The most probable classes of batches of rows, each (n, C), read once."""
        kept = min(KEPT, classes)
        ids, values = [np.zeros((0, kept), np.int32)], [np.zeros((0, kept), np.float32)]
        for rows in batches:
            chosen = np.stack([best(row, kept) for row in rows])
            ids.append(chosen.astype(np.int32))
            values.append(np.take_along_axis(rows, chosen, axis=1))
        return cls(np.concatenate(ids), np.concatenate(values), classes)

    @property
    def shape(self) -> tuple[int, int]:
        """(N, C)."""
        return len(self.ids), self.classes

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, chosen: slice | Ints | tuple[Ints, Ints]) -> Floats:
        """An array (n, C) of some rows; or (n,) of one class per row, for row numbers and class ids of shape (n,)."""
        rows = chosen[0] if isinstance(chosen, tuple) else chosen
        ids, values, rest = self.ids[rows], self.values[rows], self._each_other(rows)
        if isinstance(chosen, tuple):
            found = ids == np.asarray(chosen[1])[:, None]
            return np.where(found.any(axis=1), (values * found).sum(axis=1), rest).astype(np.float32)
        full = np.repeat(rest[:, None], self.classes, axis=1)
        np.put_along_axis(full, ids.astype(np.int64), values, axis=1)
        return full

    def ranks(self, rows: slice | Ints, classes: Ints) -> Ints:
        """The number of classes ranked before one class per row, (n,); ties go to the lower id."""
        ids, values, rest, asked = self.ids[rows], self.values[rows], self._each_other(rows), classes[:, None]
        found = ids == asked
        own = np.where(found.any(axis=1), (values * found).sum(axis=1), rest).astype(np.float32)[:, None]
        lower = ids < asked
        before: Ints = ((values > own) | ((values == own) & lower)).sum(axis=1)
        others = np.where(rest == own[:, 0], classes - lower.sum(axis=1), 0)  # with a lower id, but not kept
        ranks: Ints = before + np.where(rest > own[:, 0], self.classes - ids.shape[1], others)
        return ranks

    def rest(self, rows: slice | Ints) -> Floats:
        """The probability of all other classes together, (n,)."""
        return self._each_other(rows) * (self.classes - self.ids.shape[1])

    def _each_other(self, rows: slice | Ints) -> Floats:
        """The probability of each other class, (n,)."""
        values = self.values[rows]
        others = max(1, self.classes - values.shape[1])
        even = np.maximum(0, 1 - values.sum(axis=1, dtype=np.float64)) / others
        return np.minimum(even, values[:, -1]).astype(np.float32)  # none is more probable than those kept

    def __setitem__(self, rows: Ints, values: Floats) -> None:
        """Replace some rows by the most probable classes of full ones, (n, C); the arrays may be mapped files."""
        for row, given in zip(rows.tolist(), values, strict=True):
            chosen = best(given, self.ids.shape[1])
            self.ids[row], self.values[row] = chosen, given[chosen]

    def flush(self) -> None:
        """Write mapped files to disk."""
        for array in (self.ids, self.values):
            if isinstance(array, np.memmap):
                array.flush()

    def argmax(self, axis: int) -> Ints:
        """The most probable class of each image, (N,)."""
        return self.ids[:, 0].astype(np.int64)

    def __array__(self, *_: Any, **__: Any) -> NoReturn:
        """Raise `UserError`: NumPy asks for all rows."""
        size = f"{4 * len(self) * self.classes / 2**30:,.0f} GiB"
        raise UserError(
            f"this needs the probabilities of all classes for all images at once ({len(self):,} x {self.classes:,}, "
            f"{size}), but only the {KEPT} greatest of each image are kept; use fewer images"
        )

    copy = __array__


Probabilities = npt.NDArray[np.floating[Any]] | TopProbabilities
"""Of N images for C classes, (N, C): all, in an array that may be memory-mapped, or those of the most probable
classes."""


def gathered(batches: Iterable[Floats], images: int, classes: int) -> Probabilities:
    """All probabilities of batches of rows, each (n, C), with N rows in total; if these would exceed the memory, only
    those of the most probable classes."""
    if exceeds_memory(images, classes):
        return TopProbabilities.of(batches, classes)
    whole, start = np.empty((images, classes), np.float32), 0
    for rows in batches:
        whole[start : start + len(rows)] = rows
        start += len(rows)
    return whole


def known_classes(probabilities: Probabilities, rows: slice | Ints) -> tuple[Floats, npt.NDArray[np.integer[Any]]]:
    """Copies of the kept probabilities of n rows and their classes, (n, K) each: K = C for an ordinary array."""
    if isinstance(probabilities, TopProbabilities):
        return np.array(probabilities.values[rows], np.float32), np.array(probabilities.ids[rows])
    values = np.array(probabilities[rows], np.float32)
    return values, np.broadcast_to(np.arange(values.shape[1]), values.shape)


def kept_per_image(probabilities: Probabilities) -> int:
    """K of `known_classes`."""
    kept = probabilities.ids if isinstance(probabilities, TopProbabilities) else probabilities
    return int(kept.shape[1])
