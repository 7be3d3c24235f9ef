"""Intervals for few images agree with SciPy, never collapse, and cover the truth about as often as they say."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest

from shelfmind.evaluation.bootstrap import bootstrap_intervals, paired_interval
from shelfmind.evaluation.intervals import (
    MIN_IMAGES,
    Interval,
    caveat_of_gain,
    class_mean_interval,
    paired_gain_interval,
    proportion_interval,
    too_few_images,
)
from shelfmind.evaluation.outcomes import Outcomes
from shelfmind.evaluation.result import evaluate


def outcomes_of(labels: np.ndarray, hits: np.ndarray, classes: int) -> Outcomes:
    zeros = np.zeros(len(labels))
    return Outcomes(labels, labels, np.where(hits, 0, 7), zeros, zeros, classes)


@pytest.mark.parametrize(("right", "images"), [(0, 1), (1, 1), (3, 7), (40, 40), (0, 500), (499, 500), (37, 90)])
def test_of_a_proportion_it_is_scipys(right: int, images: int) -> None:
    expected = binomtest(right, images).proportion_ci(method="wilson")
    assert proportion_interval(right, images) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_one_right_image_is_not_certain() -> None:
    intervals = bootstrap_intervals(outcomes_of(np.array([0]), np.array([True]), 6), seed=0)
    for low, high in intervals:
        assert low < 0.3
        assert high == 1


@pytest.mark.parametrize("hit", [True, False])
@pytest.mark.parametrize("images", [3, 12, 45, 300])
def test_all_right_or_all_wrong_never_collapses(hit: bool, images: int) -> None:
    outcomes = outcomes_of(np.arange(images) % 6, np.full(images, hit), 6)
    intervals = bootstrap_intervals(outcomes, seed=0)
    for interval, least in zip(intervals, (0.5, 0.5, 0.5), strict=True):
        assert interval.high - interval.low > least / images
        assert (interval.high == 1) == hit
        assert (interval.low == 0) != hit


def test_a_fifth_guess_among_five_classes_is_certain_by_definition() -> None:
    rows = outcomes_of(np.arange(4) % 5, np.array([True] * 4), 5)
    assert bootstrap_intervals(rows, seed=0).top5 == (1, 1)


def test_classes_of_one_image_widen_the_macro_interval() -> None:
    # A hundred classes of one image, all right, beside a hundred of fifty, all wrong: the bootstrap had (0.5, 0.5).
    labels = np.concatenate([np.arange(100), np.repeat(np.arange(100, 200), 50)])
    low, high = bootstrap_intervals(outcomes_of(labels, labels < 100, 200), seed=0).macro_top1
    assert 0.4 < low < 0.49
    assert 0.51 < high < 0.6


@pytest.mark.parametrize(
    "sizes", [[1] * 10, [4] * 3, [6, 6], [1] * 50 + [50] * 50, list(range(1, 8)) * 20, [30] * 40, [2, 3] * 3]
)
def test_of_a_mean_over_classes_it_covers_the_truth(sizes: list[int]) -> None:
    rng = np.random.default_rng(0)
    images = np.array(sizes)
    chances = rng.beta(6, 1.5, len(images))
    found = [class_mean_interval(rng.binomial(images, chances), images) for _ in range(600)]
    covered = np.mean([low <= chances.mean() <= high for low, high in found])
    assert covered >= 0.9


def test_of_a_gain_it_covers_the_truth_and_never_collapses() -> None:
    rng = np.random.default_rng(0)
    for images in (8, 20, 60):
        found = [paired_gain_interval(rng.choice([-1.0, 0, 1], images, p=[0.05, 0.8, 0.15])) for _ in range(600)]
        assert np.mean([low <= 0.1 <= high for low, high in found]) >= 0.92
    assert paired_interval(np.ones(1)).low < 0
    for images in (1, 5, 30, 100):
        low, high = paired_interval(np.zeros(images))
        assert low < 0 < high
    assert paired_interval(np.array([1.0, 1, 1])).low < 0.5  # three of three gained prove little


def test_of_few_other_differences_it_is_students() -> None:
    low, high = paired_interval(np.array([0.1, 0.3, 0.2]))
    assert low == pytest.approx(0.2 - 4.302653 * 0.1 / 3**0.5)
    assert high == pytest.approx(0.2 + 4.302653 * 0.1 / 3**0.5)
    assert paired_interval(np.array([0.25])) == (-np.inf, np.inf)


def test_the_bootstrap_of_many_images_is_as_ever() -> None:
    rng = np.random.default_rng(3)
    differences = rng.choice([-1.0, 0, 1], 400, p=[0.1, 0.7, 0.2])
    values, counts = np.unique(differences, return_counts=True)
    drawn = np.random.default_rng(0).multinomial(400, counts / counts.sum(), 1000) @ values / 400
    assert paired_interval(differences) == pytest.approx(np.quantile(drawn, [0.025, 0.975]), abs=0)


def test_too_few_images_are_said(make_predictions) -> None:
    assert too_few_images(MIN_IMAGES - 1)
    assert not too_few_images(MIN_IMAGES)
    few = evaluate(make_predictions([0], [[0.9, 0.1]]), None).to_json()
    assert few["too_few_images"] is True
    assert (few["top1_right"], few["top5_right"], few["images"]) == (1, 1, 1)
    enough = evaluate(make_predictions([0, 1] * 5, [[0.9, 0.1]] * 10), None).to_json()
    assert enough["too_few_images"] is False
    assert enough["top1_right"] == 5


def test_a_gain_is_doubted_unless_it_is_beyond_chance() -> None:
    assert "1 image is too few" in str(caveat_of_gain(Interval(0.1, 0.9), 1))
    assert "9 images are too few" in str(caveat_of_gain(Interval(0.1, 0.9), 9))
    assert "may be due to chance" in str(caveat_of_gain(Interval(0.0, 0.9), 200))
    assert caveat_of_gain(Interval(0.01, 0.9), 200) is None
