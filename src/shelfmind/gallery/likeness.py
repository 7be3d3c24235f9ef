"""Leave-one-out similarity of photos to their own product and to the most similar other product."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from shelfmind.arrays import Floats, Ints
from shelfmind.evaluation.matrix_rows import row_chunks, unit_rows

_CHUNK_VALUES = 1 << 24


@dataclass(frozen=True)
class Likeness:
    """Cosine similarities of N photos of P products. A prototype is the normalised sum of a product's unit vectors.

    `vectors` has shape (N, D). `labels` (N,) holds the product of each photo; every product has photos.
    """

    vectors: Floats
    labels: Ints
    products: int

    @cached_property
    def counts(self) -> Ints:
        """The number of photos of each product, (P,)."""
        return np.asarray(np.bincount(self.labels, minlength=self.products), np.int64)

    @cached_property
    def order(self) -> Ints:
        """The photos sorted by product."""
        return np.asarray(np.argsort(self.labels, kind="stable"), np.int64)

    @cached_property
    def starts(self) -> Ints:
        """The start of each product's photos in `order`, (P,)."""
        return np.asarray(np.cumsum(self.counts) - self.counts, np.int64)

    @cached_property
    def sums(self) -> Floats:
        """The sum of each product's vectors, (P, D)."""
        if not self.products:
            return np.zeros((0, self.vectors.shape[1]), np.float32)
        is_sorted = (np.diff(self.labels) >= 0).all()
        return np.add.reduceat(self.vectors if is_sorted else self.vectors[self.order], self.starts)

    @cached_property
    def prototypes(self) -> Floats:
        """The normalised sums, (P, D)."""
        return unit_rows(self.sums)

    @cached_property
    def within(self) -> Floats:
        """The mean cosine of all pairs of photos of each product, (P,); NaN for a single photo."""
        counts = self.counts.astype(np.float64)
        pairs = counts * (counts - 1)
        squares = np.einsum("pd,pd->p", self.sums, self.sums) - counts
        return np.divide(squares, pairs, out=np.full(self.products, np.nan), where=pairs > 0).astype(np.float32)

    def members(self, product: int) -> Ints:
        """Return the photos of a product."""
        start = self.starts[product]
        return self.order[start : start + self.counts[product]]

    def to_own(self, rows: Ints) -> Floats:
        """Return the cosines (R,) of photos to their product's prototype without them; NaN for the only photo."""
        labels = self.labels[rows]
        others = unit_rows(self.sums[labels] - self.vectors[rows])
        return np.where(self.counts[labels] > 1, (self.vectors[rows] * others).sum(axis=1), np.float32(np.nan))

    def nearest_other(self, rows: Ints) -> tuple[Ints, Floats]:
        """Return the most similar other product of each photo and its prototype's cosine, (R,) both; -1 for none."""
        return nearest(self.vectors[rows], self.prototypes, self.labels[rows])

    def nearest_product(self, products: Ints) -> tuple[Ints, Floats]:
        """Return the other product with the most similar prototype, and the cosine, (R,) both; -1 for none."""
        return nearest(self.prototypes[products], self.prototypes, products)


def nearest(rows: Floats, prototypes: Floats, own: Ints | None = None) -> tuple[Ints, Floats]:
    """Return the most similar prototype (K, D) of each row (R, D) and its cosine, (R,) both; -1 and -inf for none.

    `own` (R,) are prototypes to exclude.
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
