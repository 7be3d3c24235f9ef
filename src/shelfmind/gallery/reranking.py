"""Re-ranking of what a search found by the neighbours that photo and candidates share."""

from __future__ import annotations

import numpy as np

from shelfmind.arrays import Bools, Floats, Ints, Wide

NEIGHBOURS, EXPANSION, WEIGHT = 20, 6, 0.3
"""k1, k2 and lambda of the paper."""


def reranked(query: Floats, candidates: Floats, neighbours: int = NEIGHBOURS, expansion: int = EXPANSION) -> Floats:
    """Similarities of one query (D,) to candidates (N, D), unit vectors all, by k-reciprocal neighbours: (N,).

    Two photos are alike if each is among the other's nearest, and the more so, the more of these neighbours they share
    (Jaccard distance), weighed with the cosine (Zhong et al., "Re-ranking Person Re-identification with k-reciprocal
    Encoding", CVPR 2017, equations 2 to 11; squared Euclidean distances, here scaled to at most 1).
    """
    together = np.concatenate([query[None], candidates])
    distances = np.asarray((1.0 - together @ together.T) / 2, np.float64)
    np.fill_diagonal(distances, 0.0)
    ranked = np.argsort(distances, axis=1, kind="stable")
    encoded = _encoded(distances, ranked, neighbours)
    nearest = ranked[:, : min(expansion, len(ranked))]
    encoded = encoded[nearest].mean(axis=1)
    shared = np.minimum(encoded[0], encoded).sum(axis=1)
    jaccard = 1.0 - shared / np.maximum(encoded[0].sum() + encoded.sum(axis=1) - shared, 1e-12)
    final = (1 - WEIGHT) * jaccard + WEIGHT * distances[0]
    return np.asarray(1.0 - final[1:], np.float32)


def _encoded(distances: Wide, ranked: Ints, neighbours: int) -> Wide:
    """The k-reciprocal feature of each photo, (M, M): exp(-distance) at its reciprocal neighbours; rows sum to 1."""
    own = _reciprocal(ranked, neighbours)
    half = _reciprocal(ranked, max(1, round(neighbours / 2)))
    members = own.copy()
    for row in range(len(own)):
        for candidate in np.flatnonzero(own[row]):
            of_candidate = half[candidate]
            if (of_candidate & own[row]).sum() > 2 / 3 * of_candidate.sum():
                members[row] |= of_candidate
    weights = np.where(members, np.exp(-distances), 0.0)
    return np.asarray(weights / np.maximum(weights.sum(axis=1, keepdims=True), 1e-12))


def _reciprocal(ranked: Ints, neighbours: int) -> Bools:
    """Which photos are among the nearest of each other, (M, M)."""
    near = np.zeros(ranked.shape, np.bool_)
    np.put_along_axis(near, ranked[:, : neighbours + 1], True, axis=1)
    return np.asarray(near & near.T)
