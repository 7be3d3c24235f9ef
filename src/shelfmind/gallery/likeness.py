"""How like their own product photos are, and how like the nearest other one: each photo is left out of its own."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from shelfmind.arrays import Floats, Ints
from shelfmind.evaluation.matrix_rows import row_chunks, unit_rows

_CHUNK_VALUES = 1 << 24


@dataclass(frozen=True)
class Likeness:
    """Of N photos of P products, by cosines of their unit vectors; a prototype is the direction of a sum of vectors.

    `vectors` has shape (N, D), `labels` (N,) holds the product of each photo; none is without photos.
    """

    vectors: Floats
    labels: Ints
    products: int

    @cached_property
    def counts(self) -> Ints:
        """How many photos each product has, (P,)."""
        return np.asarray(np.bincount(self.labels, minlength=self.products), np.int64)

    @cached_property
    def order(self) -> Ints:
        """The photos, those of a product next to each other."""
        return np.asarray(np.argsort(self.labels, kind="stable"), np.int64)

    @cached_property
    def starts(self) -> Ints:
        """Where the photos of each product start in `order`, (P,)."""
        return np.asarray(np.cumsum(self.counts) - self.counts, np.int64)

    @cached_property
    def sums(self) -> Floats:
        """The sum of each product's vectors, (P, D)."""
        if not self.products:
            return np.zeros((0, self.vectors.shape[1]), np.float32)
        sorted_already = (np.diff(self.labels) >= 0).all()
        return np.add.reduceat(self.vectors if sorted_already else self.vectors[self.order], self.starts)

    @cached_property
    def prototypes(self) -> Floats:
        """The direction of each sum, (P, D)."""
        return unit_rows(self.sums)

    @cached_property
    def within(self) -> Floats:
        """How like each other the photos of a product are: the mean cosine of all pairs, (P,); NaN for one photo."""
        counts = self.counts.astype(np.float64)
        pairs = counts * (counts - 1)
        squares = np.einsum("pd,pd->p", self.sums, self.sums) - counts
        return np.divide(squares, pairs, out=np.full(self.products, np.nan), where=pairs > 0).astype(np.float32)

    def members(self, product: int) -> Ints:
        """The photos of a product."""
        start = self.starts[product]
        return self.order[start : start + self.counts[product]]

    def to_own(self, rows: Ints) -> Floats:
        """How like the prototype of their product without them these photos are, (R,); NaN for a product's only one."""
        labels = self.labels[rows]
        others = unit_rows(self.sums[labels] - self.vectors[rows])
        return np.where(self.counts[labels] > 1, (self.vectors[rows] * others).sum(axis=1), np.float32(np.nan))

    def nearest_other(self, rows: Ints) -> tuple[Ints, Floats]:
        """Of these photos, the other product whose prototype is nearest and how near it is, (R,) both; -1 for none."""
        return nearest(self.vectors[rows], self.prototypes, self.labels[rows])

    def nearest_product(self, products: Ints) -> tuple[Ints, Floats]:
        """Of these products, the other one whose prototype is nearest and how near it is, (R,) both; -1 for none."""
        return nearest(self.prototypes[products], self.prototypes, products)


def nearest(rows: Floats, prototypes: Floats, own: Ints | None = None) -> tuple[Ints, Floats]:
    """The nearest of prototypes (K, D) to each row (R, D) and its cosine, (R,) both; -1 and minus infinity for none.

    `own` (R,) are prototypes that do not count.
    """
    index, cosine = np.full(len(rows), -1, np.int64), np.full(len(rows), -np.inf, np.float32)
    if len(prototypes) - (own is not None) < 1:
        return index, cosine
    for part in row_chunks(len(rows), len(prototypes), _CHUNK_VALUES):
        cosines = rows[part] @ prototypes.T
        each = np.arange(len(cosines))
        if own is not None:
            cosines[each, own[part]] = -np.inf
        index[part] = cosines.argmax(axis=1)
        cosine[part] = cosines[each, index[part]]
    return index, cosine
