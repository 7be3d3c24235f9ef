"""Things joined by pairs are the connected parts of a graph."""

import numpy as np
import pytest
from scipy.cluster.hierarchy import DisjointSet

from shelfmind.disjoint_sets import DisjointSets


def test_the_sets_are_those_of_scipy() -> None:
    rng = np.random.default_rng(0)
    ours, theirs = DisjointSets(range(200)), DisjointSet(range(200))
    for one, other in rng.integers(0, 200, (120, 2)).tolist():
        ours.merge(one, other)
        theirs.merge(one, other)
    assert sorted(map(sorted, ours.subsets())) == sorted(map(sorted, theirs.subsets()))
    assert all(ours.connected(each, ours[each]) for each in range(200))
    assert ours.connected(3, 4) == theirs.connected(3, 4)


def test_what_was_never_added_is_in_no_set() -> None:
    sets = DisjointSets("ab")
    sets.merge("a", "b")
    sets.add("a")
    assert sets.subsets() == [["a", "b"]]
    assert "c" not in sets
    with pytest.raises(KeyError):
        sets.merge("a", "c")
