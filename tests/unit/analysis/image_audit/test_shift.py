"""Shifts are found where they are, and only there."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from shelfmind.analysis.image_audit.shift import class_shifts, kolmogorov_smirnov, overall_shifts


def sides(labels, is_train):
    is_train = np.array(is_train, bool)
    return np.array(labels), is_train, ~is_train


def test_a_class_that_got_darker_is_found_and_the_others_are_not() -> None:
    rng = np.random.default_rng(0)
    labels, train, test = sides(np.repeat(np.arange(30), 40), np.tile(np.arange(40) < 30, 30))
    brightness, blur = rng.normal(100, 10, 1200), rng.normal(0, 1, 1200)
    brightness[(labels == 7) & test] -= 60
    found, comparisons = class_shifts({"brightness": brightness, "blur": blur}, labels, train, test, "test")
    assert comparisons == 60
    assert [(each.class_id, each.feature, each.split) for each in found] == [(7, "brightness", "test")]
    assert found[0].distance == 1.0
    assert found[0].train_median - found[0].split_median == pytest.approx(60, abs=12)


def test_nothing_is_found_where_nothing_differs() -> None:
    labels, train, test = sides(np.repeat(np.arange(100), 20), np.tile(np.arange(20) < 14, 100))
    for seed in range(3):
        values = np.random.default_rng(seed).normal(size=2000)
        assert class_shifts({"x": values}, labels, train, test, "val")[0] == []


def test_too_few_images_are_not_compared() -> None:
    labels, train, test = sides([0] * 10 + [1] * 10, ([1] * 7 + [0] * 3) * 2)
    assert class_shifts({"x": np.arange(20.0)}, labels, train, test, "val") == ([], 0)


def test_an_overall_shift_is_one_within_the_classes() -> None:
    labels, train, test = sides([0, 0, 0, 0, 1, 1, 1, 1], [1, 1, 0, 0, 1, 1, 0, 0])
    values = np.array([1.0, 2, 3, 4, 11, 12, 11.5, 10])
    (found,) = overall_shifts({"x": values}, labels, train, test, "val")
    assert found.greater == pytest.approx((1.0 + 0.25) / 2)
    assert found.classes == 2


def test_another_mix_of_classes_is_no_shift() -> None:
    labels, train, test = sides([0] * 9 + [1] * 3, [1] * 8 + [0] + [1, 0, 0])
    values = np.array([5.0] * 9 + [50.0] * 3)
    (found,) = overall_shifts({"x": values}, labels, train, test, "val")
    assert found.greater == 0.5


def test_no_other_split() -> None:
    labels, train, test = sides([0, 1], [1, 1])
    assert overall_shifts({"x": np.zeros(2)}, labels, train, test, "val") == []


@pytest.mark.parametrize("sizes", [(5, 7), (300, 200)])
def test_large_samples_have_about_the_exact_p_value(sizes) -> None:
    rng = np.random.default_rng(1)
    one, two = rng.normal(size=sizes[0]), rng.normal(0.2, 1, sizes[1])
    expected = stats.ks_2samp(one, two, method="exact")
    distance, p_value = kolmogorov_smirnov(one, two)
    assert distance == pytest.approx(expected.statistic)
    assert p_value == pytest.approx(expected.pvalue, rel=0.2)


def test_p_values_are_adjusted_for_the_number_of_comparisons() -> None:
    """Of K comparisons the one with the least p-value gets K times it (Benjamini and Hochberg)."""
    labels, train, test = sides(np.repeat(np.arange(10), 20), np.tile(np.arange(20) < 10, 10))
    values = np.random.default_rng(3).normal(size=200)
    values[(labels == 4) & test] += 9
    (found,), comparisons = class_shifts({"x": values}, labels, train, test, "val")
    alone = kolmogorov_smirnov(values[(labels == 4) & train], values[(labels == 4) & test])[1]
    assert comparisons == 10
    assert found.adjusted_p == pytest.approx(10 * alone)
