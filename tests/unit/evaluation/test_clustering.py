"""Agreement of groups with products."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from shelfmind.evaluation.clustering import agreement


def test_names_of_groups_do_not_matter():
    found = agreement(np.array([7, 7, 3, 3, 9]), np.array([0, 0, 1, 1, 2]))
    assert (found.accuracy, found.adjusted_rand, found.groups, found.products) == (1.0, 1.0, 3, 3)


def test_a_product_has_one_group_at_most():
    found = agreement(np.array([0, 0, 1, 1, 1, 1]), np.zeros(6, int))
    assert found.accuracy == pytest.approx(4 / 6)
    assert agreement(np.zeros(6, int), np.array([0, 0, 0, 1, 1, 2])).accuracy == pytest.approx(3 / 6)


def test_the_rand_index_is_scikit_learns():
    random = np.random.default_rng(0)
    for _ in range(20):
        found, true = random.integers(0, 6, 40), random.integers(0, 4, 40)
        assert agreement(found, true).adjusted_rand == pytest.approx(adjusted_rand_score(true, found))
    assert agreement(np.zeros(1, int), np.zeros(1, int)).adjusted_rand == 1
