"""Re-ranking by shared neighbours, beside a plain reading of the paper."""

from __future__ import annotations

import numpy as np
import pytest

from shelfmind.evaluation.matrix_rows import unit_rows
from shelfmind.gallery.changes import Entry
from shelfmind.gallery.reranking import RerankingSearch, reranked
from shelfmind.gallery.search import ExactSearch


def by_the_paper(query: np.ndarray, candidates: np.ndarray, k1: int, k2: int, weight: float = 0.3) -> np.ndarray:
    """Zhong et al., equations 2 to 11, set by set."""
    photos = [query, *candidates]
    count = len(photos)
    distance = [[float(np.sum((a - b) ** 2)) / 4 for b in photos] for a in photos]
    ranks = [
        sorted(range(count), key=lambda other, one=one: (other != one, distance[one][other])) for one in range(count)
    ]

    def reciprocal(one: int, k: int) -> set[int]:
        return {other for other in ranks[one][: k + 1] if one in ranks[other][: k + 1]}

    features = np.zeros((count, count))
    for one in range(count):
        own = reciprocal(one, k1)
        wider = set(own)
        for other in own:
            half = reciprocal(other, max(1, round(k1 / 2)))
            if len(half & own) > 2 / 3 * len(half):
                wider |= half
        for other in wider:
            features[one, other] = np.exp(-distance[one][other])
    features /= features.sum(axis=1, keepdims=True)
    expanded = np.stack([features[ranks[one][:k2]].mean(axis=0) for one in range(count)])
    jaccard = [1 - np.minimum(expanded[0], row).sum() / np.maximum(expanded[0], row).sum() for row in expanded]
    return np.array([1 - ((1 - weight) * jaccard[one] + weight * distance[0][one]) for one in range(1, count)])


@pytest.mark.parametrize(("neighbours", "expansion"), [(4, 2), (10, 6)])
def test_the_paper_gives_the_same(neighbours: int, expansion: int) -> None:
    rng = np.random.default_rng(1)
    centres = rng.standard_normal((5, 12))
    rows = unit_rows(centres[np.arange(30) % 5] + 0.6 * rng.standard_normal((30, 12)))
    found = reranked(rows[0], rows[1:], neighbours, expansion)
    np.testing.assert_allclose(found, by_the_paper(rows[0], rows[1:], neighbours, expansion), atol=1e-5)


def test_the_best_products_are_ranked_anew_and_none_is_lost() -> None:
    rng = np.random.default_rng(2)
    centres = rng.standard_normal((6, 12))
    labels = np.repeat(np.arange(6), 4)
    vectors = unit_rows(centres[labels] + 0.5 * rng.standard_normal((24, 12)))
    entries = [Entry(f"product {label}", f"{row:064x}", f"{row}.jpg") for row, label in enumerate(labels)]
    queries = unit_rows(centres + 0.5 * rng.standard_normal((6, 12)))
    plain = ExactSearch(entries, vectors)
    for matches, before in zip(RerankingSearch(plain, entries, vectors)(queries, 6), plain(queries, 6), strict=True):
        assert {match.sku for match in matches} == {match.sku for match in before}
        assert [match.similarity for match in matches] == sorted((m.similarity for m in matches), reverse=True)
        assert all(match.entry.sku == match.sku for match in matches)
    assert RerankingSearch(ExactSearch([], vectors[:0]), [], vectors[:0])(queries, 3) == [[]] * 6
