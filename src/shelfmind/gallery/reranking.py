"""Re-ranking of search results by the neighbours that query and candidates share."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from shelfmind.arrays import Bools, Floats, Ints, Wide
from shelfmind.evaluation.matrix_rows import unit_rows
from shelfmind.gallery.changes import Entry
from shelfmind.gallery.search import Match, Search

NEIGHBOURS, EXPANSION, WEIGHT = 20, 6, 0.3
"""k1, k2 and lambda of the paper."""


MAX_PRODUCTS, MAX_PHOTOS = 30, 20
"""The number of products, and of photos of each, that are re-ranked."""


class RerankingSearch:
    """Re-ranks the best products of another search by the neighbours that the query and their photos share."""

    def __init__(self, search: Search, entries: Sequence[Entry], vectors: Floats) -> None:
        """`vectors` (N, D) are unit vectors of all photos, sorted by product."""
        self.search, self.entries, self.vectors = search, entries, vectors
        self.rows: dict[str, list[int]] = {}
        for row, entry in enumerate(entries):
            self.rows.setdefault(entry.sku, []).append(row)

    def __call__(self, queries: Floats, top: int) -> list[list[Match]]:
        """Return the `top` products for each query (M, D). Similarities are at most 1, but not cosines."""
        found = self.search(queries, max(top, MAX_PRODUCTS))
        return [self._reranked(query, matches)[:top] for query, matches in zip(unit_rows(queries), found, strict=True)]

    def _reranked(self, query: Floats, matches: Sequence[Match]) -> list[Match]:
        rows = [row for match in matches for row in self.rows[match.sku][:MAX_PHOTOS]]
        if not rows:
            return []
        best: dict[str, Match] = {}
        for row, similarity in zip(rows, reranked(query, self.vectors[rows]).tolist(), strict=True):
            entry = self.entries[row]
            if entry.sku not in best or similarity > best[entry.sku].similarity:
                best[entry.sku] = Match(entry.sku, similarity, entry)
        return sorted(best.values(), key=lambda match: -match.similarity)


def reranked(query: Floats, candidates: Floats, neighbours: int = NEIGHBOURS, expansion: int = EXPANSION) -> Floats:
    """Return similarities (N,) of a query (D,) to candidates (N, D), all unit vectors, by k-reciprocal neighbours.

    Two photos are similar if each is among the other's nearest neighbours, and the more neighbours they share (Jaccard
    distance), weighted with the cosine (Zhong et al., "Re-ranking Person Re-identification with k-reciprocal Encoding",
    CVPR 2017, equations 2 to 11; squared Euclidean distances, here scaled to at most 1).
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
    """Return k-reciprocal features (M, M): exp(-distance) at reciprocal neighbours, with rows that sum to 1."""
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
    """Return which photos are among each other's nearest neighbours, (M, M)."""
    near = np.zeros(ranked.shape, np.bool_)
    np.put_along_axis(near, ranked[:, : neighbours + 1], True, axis=1)
    return np.asarray(near & near.T)
