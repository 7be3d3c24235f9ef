"""Find products that are likely to be confused: those with photos closer to the other product than to their own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shelfmind.analysis.image_audit.class_sizes import TINY
from shelfmind.arrays import Floats, Ints
from shelfmind.evaluation.matrix_rows import row_chunks
from shelfmind.gallery.likeness import Likeness

CHANCE = 0.5
"""The share of photos closer to the wrong product if the two are one product under two names."""
MIXED_UP = CHANCE / 2
"""Above this share of photos closer to another product, two products are hard to tell apart. It is halfway between
no confusion and chance."""
_CHUNK_VALUES = 1 << 24

Share = tuple[int, int]
"""A count and the total."""


@dataclass(frozen=True, slots=True)
class MixUp:
    """Two products with photos closer to the other product, or that are nearly indistinguishable.

    `taken` counts the product's photos that are closer to the other one, and those evaluated: each is left out of its
    own product, which needs two photos. `likeness` is the mean cosine of pairs of photos across the products, `usual`
    the mean cosine of pairs within a product, averaged over both.
    """

    product: int
    other: int
    taken: Share
    taken_of_other: Share
    likeness: float
    usual: float
    indistinguishable: bool

    @property
    def share(self) -> float | None:
        """The share of evaluated photos that are closer to the other product; None if there are none."""
        evaluated = self.taken[1] + self.taken_of_other[1]
        return (self.taken[0] + self.taken_of_other[0]) / evaluated if evaluated else None


def mix_ups(likeness: Likeness, rows: Ints, nearest: Ints) -> list[MixUp]:
    """Return the pairs of products with photos closer to the other product, worst first.

    `rows` are all photos of the products to check, `nearest` (R,) the most similar other product of each, -1 for none.
    The other product of a pair may be any.

    A pair counts as one product if photos across the two are as similar as pairs of photos within one of them. (The
    difference is the squared distance of the means, corrected for the noise of small samples: the unbiased maximum mean
    discrepancy with a linear kernel, Gretton et al., "A Kernel Two-Sample Test", JMLR 2012.) For a product with fewer
    photos than the audit recommends for a class, the usual similarity of the gallery is used instead of its own. If
    both have that few photos, at least half of the evaluated photos must also be closer to the other product.

    One product under two names misses that criterion by chance in half of all cases. So a pair with enough photos on
    both sides also counts if more than `MIXED_UP` of the photos of each are closer to the other, and photos across the
    two are as similar as those of the more varied product.
    """
    pairs = _candidates(likeness, rows, nearest)
    taken = np.stack([_taken(likeness, *pairs), _taken(likeness, *pairs[::-1])])
    evaluated = np.stack([_evaluated(likeness, products) for products in pairs])
    between = _between(likeness, *pairs)
    usual = _usual(likeness)[np.stack(pairs)]
    share = taken.sum(axis=0) / np.maximum(evaluated.sum(axis=0), 1)
    barely_separated = ((evaluated >= TINY) & (taken > MIXED_UP * evaluated)).all(axis=0) & (
        between >= usual.min(axis=0)
    )
    unsure = (evaluated < TINY).all(axis=0) & evaluated.any(axis=0) & (share < CHANCE)
    indistinguishable = ((between >= usual.mean(axis=0)) & ~unsure) | barely_separated
    chosen = np.flatnonzero(indistinguishable | (share > 0))
    order = chosen[np.lexsort((-between[chosen], -share[chosen], ~indistinguishable[chosen]))]
    columns = (*pairs, *taken, *evaluated, between, usual.mean(axis=0), indistinguishable)
    return [
        MixUp(product, other, (of_it, its), (of_other, others), likeness_between, within, one)
        for product, other, of_it, of_other, its, others, likeness_between, within, one in zip(
            *(column[order].tolist() for column in columns), strict=True
        )
    ]


def _between(likeness: Likeness, products: Ints, others: Ints) -> Floats:
    """Return the mean cosine (Q,) of all pairs of photos across two products."""
    sums = np.einsum("qd,qd->q", likeness.sums[products], likeness.sums[others])
    return np.asarray(sums / (likeness.counts[products] * likeness.counts[others]), np.float32)


def _candidates(likeness: Likeness, rows: Ints, nearest: Ints) -> tuple[Ints, Ints]:
    """Return the pairs worth comparing, each once and with a product to check first, (Q,) both.

    A pair consists of a product and another one that is the most similar to any of its photos or to its prototype.
    """
    affected_products = np.unique(likeness.labels[rows])
    products = np.concatenate([likeness.labels[rows], affected_products])
    others = np.concatenate([nearest, likeness.nearest_product(affected_products)[0]])
    found = np.unique(np.stack([products, others], axis=1)[others >= 0], axis=0)
    twice = np.isin(found[:, 1] * likeness.products + found[:, 0], found[:, 0] * likeness.products + found[:, 1])
    kept = found[~twice | (found[:, 0] < found[:, 1])]
    return np.ascontiguousarray(kept[:, 0]), np.ascontiguousarray(kept[:, 1])


def _taken(likeness: Likeness, own: Ints, others: Ints) -> Ints:
    """Return the number of photos (Q,) of `own` that are closer to `others` than to their own product without them."""
    counts = likeness.counts[own]
    pair = np.repeat(np.arange(len(own)), counts)
    offset = np.arange(len(pair)) - np.repeat(np.cumsum(counts) - counts, counts)
    rows = likeness.order[likeness.starts[own][pair] + offset]
    nearer = np.zeros(len(pair), np.bool_)
    for part in row_chunks(len(pair), likeness.vectors.shape[1], _CHUNK_VALUES):
        towards = (likeness.vectors[rows[part]] * likeness.prototypes[others[pair[part]]]).sum(axis=1)
        nearer[part] = towards > likeness.to_own(rows[part])
    return np.asarray(np.bincount(pair[nearer], minlength=len(own)), np.int64)


def _evaluated(likeness: Likeness, products: Ints) -> Ints:
    counts = likeness.counts[products]
    return np.where(counts > 1, counts, 0)


def _usual(likeness: Likeness) -> Floats:
    """Return the usual similarity (P,) of two photos of a product, or that of the gallery if it has few photos.

    Infinite if every product has a single photo.
    """
    within = likeness.within
    enough = likeness.counts >= TINY
    known = within[enough] if enough.any() else within[np.isfinite(within)]
    anywhere = np.float32(np.median(known) if len(known) else np.inf)
    return np.where(enough, within, anywhere).astype(np.float32)
