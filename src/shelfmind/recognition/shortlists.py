"""Cosines to the most similar photo of very many products: exact on a shortlist, estimated for all others.

The mean cosine of a query to the photos of a product is its cosine to their prototype times the length R of their mean.
The greatest of n cosines exceeds this by about sqrt(2 log n) standard deviations of the photos along the query, which
are in proportion to sqrt(1 - R^2). How much exactly is fitted to sampled pairs of a photo and another product.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from shelfmind.arrays import Floats, Ints, Wide
from shelfmind.gallery.cells import CellSearch
from shelfmind.top_probabilities import best

MIN_PHOTOS = 100_000
"""Number of photos from which a shortlist is used."""
NEAREST, ONE_OF, FOUND = 256, 128, 16
"""Least number of products in a shortlist by their prototypes (or by probability), of very many one of this many, and
the number by their photos."""
EMPTY = -1.0
"""The cosine to a product without photos."""
Weights = tuple[float, float]
"""The weights of the cosines to a prototype and to the most similar photo in a score."""
_ASKING, _PAIRS = 64, 64
"""Numbers of sampled queries, and of products for each."""
_SPREADING = 10_000
"""Number of photos that the directions of their spread are learnt from."""


@dataclass(frozen=True)
class Estimate:
    """Estimates the cosine to the most similar of a product's photos from that to its prototype.

    It is ``cosine * (length + s * slope) + s * offset + s^2 * curvature``, with the standard deviation s of photos
    along the query, in proportion to a common covariance.

    Attributes:
        covariance: of photos around their prototypes, with trace 1, (D, D).
        lengths, slopes, offsets, curvatures: of each product, (G,).
    """

    covariance: Floats
    lengths: Floats
    slopes: Floats
    offsets: Floats
    curvatures: Floats

    def __call__(self, queries: Floats, prototypes: Floats) -> Floats:
        """Return estimates (N, G) for queries (N, D) with these cosines to prototypes (N, G)."""
        found = np.empty_like(prototypes)
        for row, deviation in enumerate(self.deviations(queries)):
            np.multiply(prototypes[row], self.lengths + deviation * self.slopes, out=found[row])
            found[row] += deviation * (self.offsets + deviation * self.curvatures)
        return found

    def deviations(self, queries: Floats) -> Floats:
        """Return the standard deviation of photos along each query, (N,)."""
        return np.asarray(np.sqrt(np.maximum(np.einsum("nd,nd->n", queries @ self.covariance, queries), 0)))


@dataclass(frozen=True)
class Shortlist:
    """Finds the products that a photo may show among photos of G products: unit vectors (M, D), sorted by product.

    Attributes:
        counts: the number of photos of each product, (G,).
        estimate: estimates the cosines to all other products.
        search: a search of the photos, if products are also found by these.
    """

    vectors: Floats
    counts: Ints
    estimate: Estimate
    search: CellSearch | None = None

    @classmethod
    def of(
        cls, vectors: Floats, counts: Ints, prototypes: Floats, weights: Weights, search: CellSearch | None = None
    ) -> Shortlist:
        """Create it from photos and the prototypes (G, D) of their products."""
        return cls(vectors, counts, fit_estimate(vectors, counts, prototypes, weights), search)

    def __call__(self, queries: Floats, prototypes: Floats, likely: Floats | None = None) -> Floats:
        """Return the cosine (N, G) of each query (N, D) to the most similar photo of each product.

        It is exact for the products of the nearest photos (with a search), for those of the nearest prototypes, given
        their cosines (N, G), and for those with the greatest values of `likely` (N, G). As the search finds the nearest
        `FOUND` products, no estimate exceeds the `FOUND`th cosine of the shortlist, or without a search the first. None
        is below the mean cosine to the product's photos, which is known.
        """
        cosines, nearest = self.estimate(queries, prototypes), _nearest(len(self.counts))
        for row, query in enumerate(queries):
            chosen = [best(prototypes[row], nearest)]
            if likely is not None:
                chosen.append(best(likely[row], nearest))
            if self.search is not None:
                chosen.append(self.search.products[self.search.nearest(query, FOUND)[0]])
            products = np.unique(np.concatenate(chosen))
            exact = self.exact(query, products)
            limit = exact.max() if self.search is None else _last_of(exact, FOUND)
            np.minimum(cosines[row], limit, out=cosines[row])
            np.maximum(cosines[row], self.estimate.lengths * prototypes[row], out=cosines[row])
            cosines[row, products] = exact
        cosines[:, self.empty] = EMPTY
        return cosines

    def exact(self, query: Floats, products: Ints) -> Floats:
        """Return the cosine (K,) of a query (D,) to the most similar photo of each of these products."""
        return _greatest(query, self.vectors, self.starts[products], self.counts[products])

    @cached_property
    def starts(self) -> Ints:
        """The start of each product's photos, (G,)."""
        return _starts(self.counts)

    @cached_property
    def empty(self) -> Ints:
        """The products without photos."""
        return np.flatnonzero(self.counts == 0)


def fit_estimate(vectors: Floats, counts: Ints, prototypes: Floats, weights: Weights, seed: int = 0) -> Estimate:
    """Fit an estimate to sampled photos as queries.

    Products count by their share of the softmax of the scores, and the mean of the exponential of a score is right
    rather than the mean of the cosine, so that the sum over all products is.
    """
    rng = np.random.default_rng(seed)
    lengths = _lengths(vectors, counts)
    spread = np.where(counts > 1, np.sqrt(np.maximum(1 - lengths**2, 0)), 0)
    features = np.stack([spread, spread * np.sqrt(2 * np.log(np.maximum(counts, 1)))])
    fitted = Estimate(_covariance(vectors, counts, prototypes, lengths, rng), *np.zeros((4, len(counts)), np.float32))
    pairs = _Pairs.sampled(vectors, counts, prototypes, sum(weights), rng)
    slopes, offsets, curvatures = np.zeros((3, len(counts)))
    if len(pairs.products):
        inputs = features[:, pairs.products] * fitted.deviations(vectors[pairs.queries])
        both = np.concatenate([inputs, inputs * pairs.prototypes]).T
        excess = pairs.photos - lengths[pairs.products] * pairs.prototypes
        root = np.sqrt(pairs.shares)
        found = np.linalg.lstsq(both * root[:, None], excess * root, rcond=None)[0]
        offsets, slopes = found[:2] @ features, found[2:] @ features
        curvatures = _gain(excess - both @ found, inputs[0], pairs.shares, weights[1]) * spread**2
    return Estimate(fitted.covariance, *np.stack([lengths, slopes, offsets, curvatures]).astype(np.float32))


def _gain(left: Wide, deviations: Wide, shares: Wide, weight: float) -> float:
    """Return what to add to estimates, per squared deviation, for the right mean of exponentials, given what is left of
    the cosines (K,): half the weight times the variance if that has a normal distribution."""
    if weight * float(shares @ deviations**2) <= 0:
        return 0.0
    return float(np.log(shares @ np.exp(weight * left)) / (weight * (shares @ deviations**2)))


def _nearest(products: int) -> int:
    """Return the number of products in a shortlist by their prototypes."""
    return max(NEAREST, products // ONE_OF)


def _last_of(values: Floats, count: int) -> float:
    """Return the last of the `count` greatest values."""
    return float(values[best(values, count)[-1]])


def _starts(counts: Ints) -> Ints:
    return np.asarray(np.cumsum(counts) - counts, np.int64)


def _greatest(query: Floats, vectors: Floats, starts: Ints, counts: Ints) -> Floats:
    """Return the greatest cosine (K,) of a query (D,) to `counts` (K,) consecutive vectors from `starts` (K,) on."""
    found = np.full(len(starts), EMPTY, np.float32)
    present = np.flatnonzero(counts)
    if len(present):
        firsts = _starts(counts[present])
        rows = np.repeat(starts[present] - firsts, counts[present]) + np.arange(counts.sum())
        found[present] = np.maximum.reduceat(vectors.take(rows, axis=0) @ query, firsts)
    return found


def _lengths(vectors: Floats, counts: Ints) -> Wide:
    """Return the length of the mean photo of each product, (G,): 1 for a single photo or none."""
    lengths = np.ones(len(counts))
    present = np.flatnonzero(counts)
    sums = np.add.reduceat(vectors, _starts(counts)[present], axis=0)
    several = counts[present] > 1
    lengths[present[several]] = np.linalg.norm(sums[several], axis=1) / counts[present[several]]
    return lengths


def _covariance(vectors: Floats, counts: Ints, prototypes: Floats, lengths: Wide, rng: np.random.Generator) -> Floats:
    """Return the covariance (D, D) of sampled photos around the means of their products, with trace 1."""
    rows = np.sort(rng.choice(len(vectors), min(_SPREADING, len(vectors)), replace=False))
    owners = _owners(rows, counts)
    apart = vectors[rows] - lengths[owners, None].astype(np.float32) * prototypes[owners]
    moments = apart.T @ apart
    return np.asarray(moments / max(float(np.trace(moments)), 1e-12), np.float32)


def _owners(rows: Ints, counts: Ints) -> Ints:
    """Return the product of each of these rows."""
    return np.asarray(np.searchsorted(_starts(counts), rows, "right") - 1, np.int64)


@dataclass(frozen=True)
class _Pairs:
    """Sampled photos as queries with other products that have several photos, K pairs: the row of the query, the
    product, the cosines to its prototype and to its most similar photo, and the share of a softmax that it stands for,
    (K,) each. Shares sum to 1."""

    queries: Ints
    products: Ints
    prototypes: Wide
    photos: Wide
    shares: Wide

    @classmethod
    def sampled(
        cls, vectors: Floats, counts: Ints, prototypes: Floats, weight: float, rng: np.random.Generator
    ) -> _Pairs:
        """Sample queries, and for each products beyond a shortlist, with ranks of their prototypes that are uniform on
        a logarithmic scale: near products have most of a softmax's sum."""
        starts, first = _starts(counts), min(_nearest(len(counts)), len(counts))
        rows = np.sort(rng.choice(len(vectors), min(_ASKING, len(vectors)), replace=False))
        pairs = []
        for row, owner in zip(rows.tolist(), _owners(rows, counts).tolist(), strict=True):
            cosines = prototypes @ vectors[row]
            drawn = first * (len(counts) / first) ** rng.random(_PAIRS)
            ranks = np.unique(np.minimum(drawn.astype(np.int64), len(counts) - 1))
            chosen = np.argsort(-cosines)[ranks]
            kept = (counts[chosen] > 1) & (chosen != owner)
            ranks, chosen = ranks[kept], chosen[kept]
            photos = _greatest(vectors[row], vectors, starts[chosen], counts[chosen])
            near = cosines[chosen].astype(np.float64)
            shares = (ranks + 1) * np.exp(weight * (near - near.max(initial=-1)))  # for all ranks around
            pairs.append((np.full(len(chosen), row), chosen, near, photos, shares / max(shares.sum(), 1e-12)))
        queries, products, prototype, photo, share = (np.concatenate(each) for each in zip(*pairs, strict=True))
        return cls(queries, products, prototype, photo.astype(np.float64), share / max(share.sum(), 1e-12))
