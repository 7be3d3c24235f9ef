"""Finds the products whose photos are most like a vector."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from shelfmind.arrays import Floats
from shelfmind.evaluation.matrix_rows import unit_rows
from shelfmind.gallery.changes import Entry

_CHUNK_VALUES = 1 << 24


@dataclass(frozen=True)
class Match:
    """A product, the cosine similarity of its photo that is most like the one asked about, and that photo."""

    sku: str
    similarity: float
    entry: Entry


class ExactSearch:
    """Compares with every photo: a matrix product."""

    def __init__(self, entries: Sequence[Entry], vectors: Floats) -> None:
        """`vectors` (N, D) are unit vectors, those of a product next to each other."""
        self.entries, self.vectors = list(entries), vectors
        skus = np.array([entry.sku for entry in self.entries], dtype=object)
        self.starts = np.flatnonzero(np.r_[True, skus[1:] != skus[:-1]]) if len(skus) else np.zeros(0, np.intp)

    def __call__(self, queries: Floats, top: int) -> list[list[Match]]:
        """The `top` products for each query (M, D), most like first."""
        if not self.entries:
            return [[] for _ in range(len(queries))]
        rows = unit_rows(queries)
        step = max(1, _CHUNK_VALUES // len(self.entries))
        parts = (rows[start : start + step] for start in range(0, len(rows), step))
        return [found for part in parts for found in self._ranked(part, top)]

    def _ranked(self, queries: Floats, top: int) -> list[list[Match]]:
        similarities = queries @ self.vectors.T
        best = np.maximum.reduceat(similarities, self.starts, axis=1)
        ends = np.r_[self.starts[1:], len(self.entries)]
        found = []
        for row, of_products in zip(similarities, best, strict=True):
            order = np.argsort(-of_products, kind="stable")[:top]
            matches = []
            for product in order.tolist():
                start, end = self.starts[product], ends[product]
                index = int(start + row[start:end].argmax())
                matches.append(Match(self.entries[index].sku, float(row[index]), self.entries[index]))
            found.append(matches)
        return found
