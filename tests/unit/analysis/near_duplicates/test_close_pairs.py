"""The search finds the pairs that comparing all with all finds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from shelfmind.analysis.near_duplicates import close_pairs as module
from shelfmind.analysis.near_duplicates.close_pairs import close_pairs, close_pairs_across
from shelfmind.disjoint_sets import DisjointSets


def found(vectors, views=(), radius=1.0):
    pairs, done = set(), 0
    for here, there, newly in close_pairs(vectors, tuple(views), radius):
        assert (here < there).all()
        pairs |= set(zip(here.tolist(), there.tolist(), strict=True))
        done += newly
    return pairs, done


def expected(vectors, views=(), radius=1.0):
    near = cdist(vectors, vectors) <= radius
    for view in views:
        near |= (cdist(vectors, view) <= radius) | (cdist(view, vectors) <= radius)
    return set(zip(*(side.tolist() for side in np.nonzero(np.triu(near, 1))), strict=True))


@settings(deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 10**6),
    count=st.integers(2, 90),
    dimensions=st.integers(1, 20),
    per_cell=st.integers(1, 40),
    views=st.integers(0, 2),
    radius=st.sampled_from([0.05, 0.5, 2.0]),
)
def test_with_enough_slack_the_same_as_comparing_all_with_all(seed, count, dimensions, per_cell, views, radius) -> None:
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(max(1, count // 4), dimensions))
    vectors = (centres[rng.integers(0, len(centres), count)] + rng.normal(0, 0.2, (count, dimensions))).astype("f4")
    seen = [(vectors + rng.normal(0, 0.2, vectors.shape)).astype("f4") for _ in range(views)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_PER_CELL", per_cell)
        patch.setattr(module, "_SLACK", 2.01 * radius)
        pairs, done = found(vectors, seen, radius)
    wanted = expected(vectors, seen, radius)
    borderline = expected(vectors, seen, radius * 1.001) - expected(vectors, seen, radius * 0.999)
    assert pairs ^ wanted <= borderline
    assert done == count


def test_equal_vectors_all_lie_together() -> None:
    assert found(np.ones((200, 5), np.float32))[0] == {(i, j) for i in range(200) for j in range(i + 1, 200)}


@pytest.mark.parametrize("count", [0, 1])
def test_too_few_to_make_a_pair(count) -> None:
    assert found(np.zeros((count, 4), np.float32), [np.zeros((count, 4), np.float32)])[0] == set()


def clouds(count: int, spread: float = 0.05) -> np.ndarray:
    rng = np.random.default_rng(3)
    centres = rng.normal(0, 1, (count // 20, 16)) / 4
    return (centres[rng.integers(0, len(centres), count)] + rng.normal(0, spread, (count, 16))).astype(np.float32)


def test_hardly_any_pair_is_missed_and_none_invented(monkeypatch) -> None:
    """Half precision and the slack of the audit; cells much smaller than the set."""
    monkeypatch.setattr(module, "_PER_CELL", 100)
    vectors = clouds(3000)
    view = (vectors + np.random.default_rng(4).normal(0, 0.02, vectors.shape)).astype(np.float32)
    pairs, done = found(vectors.astype(np.float16), [view.astype(np.float16)], 0.29)
    wanted = expected(vectors, [view], 0.29)
    assert done == 3000
    assert len(wanted) > 20_000
    assert len(wanted - pairs) < 0.01 * len(wanted)
    assert pairs <= expected(vectors, [view], 0.2905)


def test_cells_apart_are_never_compared() -> None:
    rng = np.random.default_rng(0)
    far = [rng.normal(50 * step, 0.1, (1000, 8)) for step in range(8)]
    cells = module._Cells.of(np.concatenate(far).astype(np.float32))
    searched = cells.searched(module._left(far[0].astype(np.float32)))
    assert len(cells.starts) - 1 == 8000 // module._PER_CELL
    assert searched.any(1).all()
    assert searched.mean() < 0.4


def test_a_crowd_of_equal_vectors_is_not_compared_all_with_all(monkeypatch) -> None:
    monkeypatch.setattr(module, "_MOST", 20)
    pairs, _ = found(np.ones((600, 5), np.float16))
    assert len(pairs) < 600 * 21
    joined = DisjointSets(range(600))
    for one, two in pairs:
        joined.merge(one, two)
    assert len(joined.subsets()) == 1


@pytest.mark.parametrize("per_cell", [5, 1000])
def test_queries_against_known_vectors(per_cell, monkeypatch) -> None:
    monkeypatch.setattr(module, "_PER_CELL", per_cell)
    monkeypatch.setattr(module, "_SLACK", 0.6)
    vectors = clouds(400)
    queries = (vectors[:90], vectors[:90] + np.float32(0.02))
    known = (vectors[90:], vectors[90:] - np.float32(0.03))
    pairs, done = set(), 0
    for here, there, newly in close_pairs_across(queries, known, 0.29):
        pairs |= set(zip(here.tolist(), there.tolist(), strict=True))
        done += newly
    near = cdist(queries[0], known[0]) <= 0.29
    near |= (cdist(queries[1], known[0]) <= 0.29) | (cdist(queries[0], known[1]) <= 0.29)
    assert pairs == set(zip(*(side.tolist() for side in np.nonzero(near)), strict=True))
    assert pairs
    assert done == 90
