"""The long tail in figures, against values worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shelfmind.analysis.image_audit.class_sizes import class_sizes, gini
from shelfmind.evaluation.metrics import ShotCutoffs


@pytest.mark.parametrize(
    ("counts", "expected"),
    [([5, 5, 5, 5], 0.0), ([0, 0, 0, 4], 0.75), ([1, 3], 0.25), ([1, 2, 3, 4], 0.25), ([7], 0.0), ([0, 0], 0.0)],
)
def test_gini_of_known_sizes(counts, expected) -> None:
    assert gini(np.array(counts)) == pytest.approx(expected)


@given(st.lists(st.integers(0, 5000), min_size=1, max_size=40))
def test_gini_is_half_the_mean_difference_over_the_mean(counts) -> None:
    sizes = np.array(counts, float)
    expected = 0.0 if not sizes.sum() else np.abs(sizes[:, None] - sizes).mean() / (2 * sizes.mean())
    assert gini(np.array(counts)) == pytest.approx(expected)
    assert gini(np.array(counts[::-1])) == pytest.approx(expected)


def test_figures_of_a_long_tail() -> None:
    counts = np.array([101, 20, 19, 4, 1, 0, 55])
    train = np.array([101, 20, 19, 4, 1, 0, 100])
    sizes = class_sizes(counts, train, ["a", "b", "c", "d", "e", "f", "Others "], ShotCutoffs())
    assert sizes.shots == {"head": 1, "medium": 2, "tail": 4}
    assert sizes.shot_images == {"head": 101, "medium": 75, "tail": 24}
    assert sizes.tiny == ("e", "d")
    assert sizes.empty == ("f",)
    assert (sizes.others_name, sizes.others_share) == ("Others ", 55 / 200)
    assert sizes.quantiles == {"min": 0, "q25": 2.5, "median": 19, "q75": 37.5, "max": 101}
    assert sizes.half_of_images == 1


@pytest.mark.parametrize(("counts", "expected"), [([1, 1, 1, 1], 2), ([3, 1], 1), ([2, 1, 1], 1), ([1, 1, 1], 2)])
def test_how_many_classes_hold_half_of_the_images(counts, expected) -> None:
    names = [str(place) for place in range(len(counts))]
    assert class_sizes(np.array(counts), np.array(counts), names, ShotCutoffs()).half_of_images == expected


def test_no_class_of_others() -> None:
    sizes = class_sizes(np.array([5, 6]), np.array([5, 6]), ["其他饮料", "b"], ShotCutoffs())
    assert (sizes.others_name, sizes.others_share) == (None, None)
    assert class_sizes(np.array([5, 6]), np.array([5, 6]), ["其他", "b"], ShotCutoffs()).others_share == 5 / 11
