"""Exact search for the products whose photos are most similar to a vector."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from shelfmind.arrays import Floats, Ints
from shelfmind.evaluation.matrix_rows import unit_rows
from shelfmind.gallery.changes import Entry

_CHUNK_VALUES = 1 << 24
_NOTHING = -np.inf
"""The similarity of removed photos."""


@dataclass(frozen=True)
class Match:
    """A product with its most similar photo and the cosine similarity of that photo."""

    sku: str
    similarity: float
    entry: Entry


class Search(Protocol):
    """A search for products by vectors."""

    def __call__(self, queries: Floats, top: int) -> list[list[Match]]:
        """Return the `top` products for each query (M, D), most similar first."""


class LocalSearch(Search, Protocol):
    """A search with its vectors in memory."""

    entries: list[Entry]
    vectors: Floats

    def without(self, rows: Iterable[int]) -> LocalSearch:
        """Return the same search without these rows. Both share the vectors."""


class ExactSearch:
    """A search that compares with every photo by a matrix product."""

    def __init__(self, entries: Sequence[Entry], vectors: Floats) -> None:
        """`vectors` (N, D) are unit vectors, sorted by product."""
        self.entries, self.vectors = list(entries), vectors
        self.starts = np.flatnonzero(np.diff(products_of(entries), prepend=-1))
        self.gone = np.zeros(0, np.int64)

    def __call__(self, queries: Floats, top: int) -> list[list[Match]]:
        """Return the `top` products for each query (M, D), most similar first."""
        if not self.entries:
            return [[] for _ in range(len(queries))]
        rows = unit_rows(queries)
        step = max(1, _CHUNK_VALUES // len(self.entries))
        parts = (rows[start : start + step] for start in range(0, len(rows), step))
        return [found for part in parts for found in self._ranked(part, top)]

    def without(self, rows: Iterable[int]) -> ExactSearch:
        """Return the same search without these rows."""
        other = copy.copy(self)
        other.gone = np.fromiter(rows, np.int64)
        return other

    def _ranked(self, queries: Floats, top: int) -> list[list[Match]]:
        similarities = queries @ self.vectors.T if len(queries) > 1 else likeness(self.vectors, queries[0])[None]
        similarities[:, self.gone] = _NOTHING
        best = np.maximum.reduceat(similarities, self.starts, axis=1)
        ends = np.r_[self.starts[1:], len(self.entries)]
        found = []
        for row, of_products in zip(similarities, best, strict=True):
            matches = []
            for product in _largest(of_products, top).tolist():
                start, end = self.starts[product], ends[product]
                index = int(start + row[start:end].argmax())
                matches.append(Match(self.entries[index].sku, float(row[index]), self.entries[index]))
            found.append(matches)
        return found


def likeness(vectors: Floats, query: Floats) -> Floats:
    """Return the inner products of vectors (N, D) with one query (D,)."""
    return np.asarray(vectors @ query, np.float32)


def products_of(entries: Sequence[Entry]) -> Ints:
    """Return the index of each photo's product (N,), in the order of their first photos."""
    numbers: dict[str, int] = {}
    return np.fromiter((numbers.setdefault(each.sku, len(numbers)) for each in entries), np.int64, len(entries))


def merged(found: Iterable[Sequence[Match]], top: int) -> list[Match]:
    """Return the best `top` products of several searches' matches, each with its best photo."""
    ranked = sorted((match for matches in found for match in matches), key=lambda match: -match.similarity)
    first: dict[str, Match] = {}
    for match in ranked:
        first.setdefault(match.sku, match)
    return list(first.values())[:top]


def _largest(values: Floats, count: int) -> Ints:
    """Return the indices of the largest values, largest first and ties in order, without removed photos."""
    there = np.arange(len(values))
    if count < len(values):
        there = np.flatnonzero(values >= np.partition(values, len(values) - count)[len(values) - count])
    there = there[values[there] > _NOTHING]
    order: Ints = there[np.argsort(-values[there], kind="stable")[:count]]
    return order
