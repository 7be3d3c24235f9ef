"""Folds hold every image out once, in blocks that belong together, and never a class's only image."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shelfmind.data.folds import NEVER_HELD_OUT, block_folds


def named(labels: list[int]) -> list[str]:
    return [f"{label}/{number}.jpg" for number, label in enumerate(labels)]


@given(st.lists(st.integers(0, 6), max_size=60), st.integers(2, 7))
def test_no_fold_holds_out_a_whole_class_and_all_are_held_out_that_can_be(labels: list[int], folds: int) -> None:
    truth = np.array(labels, np.int64)
    held_out = block_folds(named(labels), truth, folds)
    assert held_out.shape == truth.shape
    for label in set(labels):
        own = held_out[truth == label]
        if len(own) == 1:
            assert own[0] == NEVER_HELD_OUT
            continue
        assert set(own) <= set(range(folds))
        sizes = np.bincount(own, minlength=folds)
        assert sizes.max() < len(own)
        assert sizes.max() - sizes.min() <= 1


def test_neighbours_by_name_stay_together() -> None:
    names = [f"a/{number}.jpg" for number in (10, 9, 8, 7, 6, 5, 4, 3, 2, 1)]
    held_out = block_folds(names, np.zeros(10, np.int64), 5)
    assert held_out.tolist() == [4, 4, 3, 3, 2, 2, 1, 1, 0, 0]


def test_small_classes_are_spread_over_the_folds() -> None:
    labels = np.repeat(np.arange(100), 2)
    sizes = np.bincount(block_folds(named(labels.tolist()), labels, 5), minlength=5)
    assert sizes.tolist() == [40] * 5


def test_classes_below_the_least_size_are_only_trained_on() -> None:
    labels = np.array([0] * 4 + [1] * 5)
    held_out = block_folds(named(labels.tolist()), labels, 5, least=5)
    assert (held_out[:4] == NEVER_HELD_OUT).all()
    assert sorted(held_out[4:]) == [0, 1, 2, 3, 4]


def test_one_fold_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 2"):
        block_folds(["a", "b"], np.zeros(2, np.int64), 1)
