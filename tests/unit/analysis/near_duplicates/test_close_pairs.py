"""The search finds exactly the pairs that comparing all with all finds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from shelfmind.analysis.near_duplicates import close_pairs as module
from shelfmind.analysis.near_duplicates.close_pairs import close_pairs


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
    leaf=st.integers(1, 40),
    views=st.integers(0, 2),
    radius=st.sampled_from([0.05, 0.5, 2.0]),
)
def test_the_same_as_comparing_all_with_all(seed, count, dimensions, leaf, views, radius) -> None:
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(max(1, count // 4), dimensions))
    vectors = (centres[rng.integers(0, len(centres), count)] + rng.normal(0, 0.2, (count, dimensions))).astype("f4")
    seen = [(vectors + rng.normal(0, 0.2, vectors.shape)).astype("f4") for _ in range(views)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_LEAF", leaf)
        patch.setattr(module, "_BOX_AXES", min(dimensions, 3))
        pairs, done = found(vectors, seen, radius)
    wanted = expected(vectors, seen, radius)
    borderline = expected(vectors, seen, radius * 1.001) - expected(vectors, seen, radius * 0.999)
    assert pairs ^ wanted <= borderline
    assert done == count


def test_equal_vectors_all_lie_together() -> None:
    assert found(np.ones((300, 5), np.float32))[0] == {(i, j) for i in range(300) for j in range(i + 1, 300)}


@pytest.mark.parametrize("count", [0, 1])
def test_too_few_to_make_a_pair(count) -> None:
    assert found(np.zeros((count, 4), np.float32), [np.zeros((count, 4), np.float32)])[0] == set()


def test_leaves_apart_are_never_compared(monkeypatch) -> None:
    """Two clouds far apart: the search must not compare one with the other."""
    compared = []
    real = module._gap_squares

    def spy(above, below):
        compared.append(len(above))
        return real(above, below)

    monkeypatch.setattr(module, "_gap_squares", spy)
    rng = np.random.default_rng(0)
    clouds = np.concatenate([rng.normal(0, 0.1, (2000, 8)), rng.normal(50, 0.1, (2000, 8))]).astype(np.float32)
    found(clouds, radius=0.01)
    points = sum(compared[1::2])
    assert points < 0.4 * 4000 * 4000 / module._LEAF
