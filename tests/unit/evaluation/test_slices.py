"""Accuracy by slices: where they part, what is compared with what, and what is left to chance."""

from __future__ import annotations

import json

import numpy as np
import pytest

from shelfmind.evaluation.intervals import proportion_interval
from shelfmind.evaluation.slices import (
    Difficulty,
    Slices,
    difference_interval,
    difference_p,
    limits_of,
    slice_accuracy,
)


def sliced(correct: np.ndarray, *difficulties: Difficulty) -> Slices:
    confidence = np.linspace(0.2, 0.9, len(correct))
    return slice_accuracy(correct, confidence, [f"{number}.jpg" for number in range(len(correct))], difficulties)


def test_a_hard_part_is_found_and_comes_first() -> None:
    values = np.arange(500.0)
    correct = np.random.default_rng(0).random(500) < np.where(values >= 400, 0.4, 0.9)
    found = sliced(correct, Difficulty("blur", values), Difficulty("tilt", np.random.default_rng(1).random(500)))
    worst = found.slices[0]
    assert (worst.difficulty, worst.low, worst.images, worst.verdict) == ("blur", 400, 100, "worse")
    assert worst.right == correct[400:].sum()
    assert worst.ci95 == proportion_interval(worst.right, 100)
    assert worst.apart == pytest.approx(correct[400:].mean() - correct[:400].mean())
    assert worst.apart_ci95.low < worst.apart < worst.apart_ci95.high < 0
    wrong = [f"{row}.jpg" for row in range(499, 399, -1) if not correct[row]]  # confidence grows with the row
    assert worst.examples == tuple(wrong[:6])
    assert all(each.verdict == "no difference found" for each in found.slices if each.difficulty == "tilt")
    assert found.by_chance == pytest.approx(0.05 * 10)


def test_where_nothing_matters_hardly_a_verdict_falls() -> None:
    rng = np.random.default_rng(2)
    verdicts = []
    for _ in range(60):
        difficulties = [Difficulty(f"{number}", rng.random(300)) for number in range(6)]
        found = sliced(rng.random(300) < 0.7, *difficulties)
        verdicts.append(any(each.verdict in ("worse", "better") for each in found.slices))
        assert len(found.slices) == 30
    assert sum(verdicts) <= 8  # 5% of 60 expected


def test_few_photos_are_listed_last_and_not_judged() -> None:
    values = np.array([0.0] * 95 + [9.0] * 5)
    found = sliced(np.array([True] * 95 + [False] * 5), Difficulty("glare", values, (1.0,)))
    assert [(each.images, each.verdict) for each in found.slices] == [(95, "better"), (5, "too few images")]
    assert found.by_chance == pytest.approx(0.05)


def test_what_cannot_be_measured_is_a_part_of_its_own() -> None:
    values = np.where(np.arange(100) < 30, np.nan, np.arange(100) % 7)
    found = sliced(np.ones(100, bool), Difficulty("tilt", values, (3.0,), "°"))
    unknown = [each for each in found.slices if each.low is None]
    assert [each.images for each in unknown] == [30]
    assert sum(each.images for each in found.slices) == 100


def test_limits_are_quantiles_unless_given_and_equal_ones_are_one() -> None:
    assert limits_of(Difficulty("x", np.arange(10.0))) == (2, 4, 6, 8)
    assert limits_of(Difficulty("x", np.arange(10.0), (3.0,))) == (3,)
    assert limits_of(Difficulty("x", np.array([0.0] * 90 + [1.0] * 10))) == ()
    assert limits_of(Difficulty("x", np.full(5, np.nan))) == ()
    assert sliced(np.ones(20, bool), Difficulty("x", np.zeros(20))).slices == ()


def test_newcombes_interval_is_as_published() -> None:
    """Newcombe 1998, table II, method 10: 56/70 against 48/80, and 10/10 against 0/10."""
    low, high = difference_interval(56, 70, 48, 80)
    assert (round(low, 4), round(high, 4)) == (0.0524, 0.3339)
    low, high = difference_interval(10, 10, 0, 10)
    assert (round(low, 4), round(high, 4)) == (0.6075, 1.0)


def test_the_p_value_is_the_pooled_z_tests() -> None:
    stats = pytest.importorskip("scipy.stats")
    expected = stats.chi2_contingency([[56, 14], [48, 32]], correction=False).pvalue
    assert difference_p(56, 70, 48, 80) == pytest.approx(expected)
    assert difference_p(5, 5, 9, 9) == 1.0


def test_it_is_plain_json() -> None:
    values = np.where(np.arange(60) < 12, np.nan, np.arange(60.0))
    found = sliced(np.arange(60) % 3 > 0, Difficulty("blur", values))
    told = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert len(told["slices"]) == len(found.slices) == 6
    assert {"difficulty", "low", "high", "images", "top1", "ci95", "apart", "adjusted_p", "verdict"} < {
        *told["slices"][0]
    }
