"""Holding back unsure answers: the curve counts what is answered, ties together."""

from __future__ import annotations

import numpy as np
import pytest

from shelfmind.evaluation.coverage import MAX_POINTS, Coverage, best_at_accuracy, coverage_curve
from shelfmind.evaluation.intervals import MIN_IMAGES
from shelfmind.evaluation.outcomes import outcomes_of


def two_classes(confidences, right):
    """Rows of two classes in which the first guess has this confidence and is right or not."""
    labels = [0 if hit else 1 for hit in right]
    return labels, [[confidence, 1 - confidence] for confidence in confidences]


def test_a_case_counted_by_hand(make_predictions) -> None:
    confidences = [0.99] * 10 + [0.8, 0.7, 0.7, 0.6]
    right = [True] * 9 + [False] + [True, False, True, False]
    curve = coverage_curve(outcomes_of(make_predictions(*two_classes(confidences, right))))
    assert [(round(point.share * 14), round(point.accuracy * point.share * 14)) for point in curve] == [
        (10, 9),
        (11, 10),
        (13, 11),  # two of equal confidence are answered together
        (14, 11),
    ]
    assert [point.confidence for point in curve] == pytest.approx([0.99, 0.8, 0.7, 0.6])


def test_the_curve_ends_with_all_images_and_begins_with_enough(random_predictions) -> None:
    outcomes = outcomes_of(random_predictions(3000, 7, seed=1))
    curve = coverage_curve(outcomes)
    assert len(curve) == MAX_POINTS
    assert curve[-1].share == 1.0
    assert curve[-1].accuracy == pytest.approx(outcomes.correct.mean())
    assert curve[0].share * 3000 >= MIN_IMAGES
    assert [point.share for point in curve] == sorted(point.share for point in curve)
    for point in curve[::40]:
        answered = outcomes.confidence >= point.confidence
        assert answered.mean() == pytest.approx(point.share)
        assert outcomes.correct[answered].mean() == pytest.approx(point.accuracy)


def test_few_images_are_one_point(make_predictions) -> None:
    assert coverage_curve(outcomes_of(make_predictions([0, 1], [[0.9, 0.1], [0.6, 0.4]]))) == (
        Coverage(pytest.approx(0.6), 1.0, 0.5),
    )


def test_the_most_that_can_be_answered_at_an_accuracy() -> None:
    curve = (Coverage(0.9, 0.2, 0.98), Coverage(0.8, 0.5, 1.0), Coverage(0.5, 0.8, 0.97), Coverage(0.1, 1.0, 0.9))
    assert best_at_accuracy(curve, 0.95) == curve[2]
    assert best_at_accuracy(curve, 0.99) == curve[1]
    assert best_at_accuracy(curve[:1] + curve[3:], 0.99) is None
    assert best_at_accuracy((), np.nan) is None
