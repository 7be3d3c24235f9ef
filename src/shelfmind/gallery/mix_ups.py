"""Which products would be taken for one another: photos of either that are nearer to the other than to their own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shelfmind.analysis.image_audit.class_sizes import TINY
from shelfmind.arrays import Floats, Ints
from shelfmind.evaluation.matrix_rows import row_chunks
from shelfmind.gallery.likeness import Likeness

BY_A_COIN = 0.5
"""The share of photos nearer to the wrong one of two products, where these are one product under two names."""
MIXED_UP = BY_A_COIN / 2
"""Above this share of a product's photos that are nearer to another one, they are hardly told apart: halfway between
never and as by a coin."""
_CHUNK_VALUES = 1 << 24

Share = tuple[int, int]
"""So many of so many."""


@dataclass(frozen=True, slots=True)
class MixUp:
    """Two products of which some photos are taken for the other, or that are all but one.

    `taken` are the photos of the product that are nearer to the other, of those that can be judged: each is left out of
    its own, which takes two. `likeness` is the mean cosine of a photo of the one and a photo of the other, `usual` that
    of two photos of one of them, the mean of both products.
    """

    product: int
    other: int
    taken: Share
    taken_of_other: Share
    likeness: float
    usual: float
    all_but_one: bool

    @property
    def share(self) -> float | None:
        """Of all photos that can be judged, those nearer to the other; None if none can."""
        asked = self.taken[1] + self.taken_of_other[1]
        return (self.taken[0] + self.taken_of_other[0]) / asked if asked else None


def mix_ups(likeness: Likeness, rows: Ints, nearest: Ints) -> list[MixUp]:
    """The pairs of products of which photos are taken for the other, worst first.

    `rows` are all photos of the products that are asked about, `nearest` (R,) the nearest other product of each, -1 for
    none; the other product of a pair may be any.

    A pair is all but one product if photos of the two are as like each other as two photos of one of them. (The
    difference is the squared distance of the means without the noise that few photos leave in it: the unbiased maximum
    mean discrepancy with a linear kernel, Gretton et al., "A Kernel Two-Sample Test", JMLR 2012.) A product of fewer
    photos than the audit asks of a class says too little of itself: what is usual in the gallery counts. If both are
    such, as many photos as by a coin must be nearer to the other as well, as far as any can be judged.

    One product under two names falls below that by chance in half of all cases. So a pair of which both have that many
    photos also is, if more than `MIXED_UP` of the photos of each are nearer to the other, and photos of the two are as
    like each other as those of the product that varies more.
    """
    pairs = _candidates(likeness, rows, nearest)
    taken = np.stack([_taken(likeness, *pairs), _taken(likeness, *pairs[::-1])])
    asked = np.stack([_asked(likeness, products) for products in pairs])
    between = _between(likeness, *pairs)
    usual = _usual(likeness)[np.stack(pairs)]
    share = taken.sum(axis=0) / np.maximum(asked.sum(axis=0), 1)
    hardly_apart = ((asked >= TINY) & (taken > MIXED_UP * asked)).all(axis=0) & (between >= usual.min(axis=0))
    unsure = (asked < TINY).all(axis=0) & asked.any(axis=0) & (share < BY_A_COIN)
    all_but_one = ((between >= usual.mean(axis=0)) & ~unsure) | hardly_apart
    chosen = np.flatnonzero(all_but_one | (share > 0))
    order = chosen[np.lexsort((-between[chosen], -share[chosen], ~all_but_one[chosen]))]
    columns = (*pairs, *taken, *asked, between, usual.mean(axis=0), all_but_one)
    return [
        MixUp(product, other, (of_it, its), (of_other, others), likeness_between, within, one)
        for product, other, of_it, of_other, its, others, likeness_between, within, one in zip(
            *(column[order].tolist() for column in columns), strict=True
        )
    ]


def _between(likeness: Likeness, products: Ints, others: Ints) -> Floats:
    """How like each other photos of two products are: the mean cosine of all pairs, (Q,)."""
    sums = np.einsum("qd,qd->q", likeness.sums[products], likeness.sums[others])
    return np.asarray(sums / (likeness.counts[products] * likeness.counts[others]), np.float32)


def _candidates(likeness: Likeness, rows: Ints, nearest: Ints) -> tuple[Ints, Ints]:
    """Pairs worth a comparison, each once, one that is asked about first: (Q,) both.

    They are a product and another that any photo of it, or its prototype, is nearest to.
    """
    touched = np.unique(likeness.labels[rows])
    products = np.concatenate([likeness.labels[rows], touched])
    others = np.concatenate([nearest, likeness.nearest_product(touched)[0]])
    found = np.unique(np.stack([products, others], axis=1)[others >= 0], axis=0)
    twice = np.isin(found[:, 1] * likeness.products + found[:, 0], found[:, 0] * likeness.products + found[:, 1])
    kept = found[~twice | (found[:, 0] < found[:, 1])]
    return np.ascontiguousarray(kept[:, 0]), np.ascontiguousarray(kept[:, 1])


def _taken(likeness: Likeness, own: Ints, others: Ints) -> Ints:
    """How many photos of `own` are nearer to `others` than to their own product without them, (Q,)."""
    counts = likeness.counts[own]
    pair = np.repeat(np.arange(len(own)), counts)
    offset = np.arange(len(pair)) - np.repeat(np.cumsum(counts) - counts, counts)
    rows = likeness.order[likeness.starts[own][pair] + offset]
    nearer = np.zeros(len(pair), np.bool_)
    for part in row_chunks(len(pair), likeness.vectors.shape[1], _CHUNK_VALUES):
        towards = (likeness.vectors[rows[part]] * likeness.prototypes[others[pair[part]]]).sum(axis=1)
        nearer[part] = towards > likeness.to_own(rows[part])
    return np.asarray(np.bincount(pair[nearer], minlength=len(own)), np.int64)


def _asked(likeness: Likeness, products: Ints) -> Ints:
    counts = likeness.counts[products]
    return np.where(counts > 1, counts, 0)


def _usual(likeness: Likeness) -> Floats:
    """How like each other two photos of a product usually are, (P,): of it, or of the gallery where it has few photos.

    Nothing reaches it where all products are of single photos.
    """
    within = likeness.within
    enough = likeness.counts >= TINY
    known = within[enough] if enough.any() else within[np.isfinite(within)]
    anywhere = np.float32(np.median(known) if len(known) else np.inf)
    return np.where(enough, within, anywhere).astype(np.float32)
