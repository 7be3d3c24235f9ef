"""Cases worked out by hand, the promised keys, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from shelfmind.errors import UserError
from shelfmind.evaluation import ShotCutoffs, evaluate
from shelfmind.evaluation.calibration import ece_by_chance, expected_calibration_error, reliability_bins
from shelfmind.evaluation.outcomes import outcomes_of
from shelfmind.records import UNLABELLED, BadFile, Predictions

Maker = Callable[..., Predictions]

KEYS = {
    "top1", "top5", "macro_top1", "top1_ci95", "top5_ci95", "macro_top1_ci95", "many_top1", "medium_top1", "few_top1",
    "ece", "images", "bad_files", "seconds", "images_per_second", "classes",
    "ece_by_chance", "mean_confidence", "too_few_images", "top1_right", "top5_right", "shot_images", "shot_ci95",
    "warnings", "notes",
}  # fmt: skip


def test_a_case_worked_out_by_hand(make_predictions) -> None:
    predictions = make_predictions(
        [0, 0, 0, 1], [[0.9, 0.1, 0.0], [0.8, 0.1, 0.1], [0.2, 0.2, 0.6], [0.5, 0.3, 0.2]], bad_files=[BadFile("x", "")]
    )
    result = evaluate(replace(predictions, seconds=2.0), np.array([101, 100, 19]))
    assert result.top1 == 0.5
    assert result.top5 == 1.0
    assert result.macro_top1 == pytest.approx((2 / 3 + 0) / 2)
    assert result.shot_top1("many") == pytest.approx(2 / 3)
    assert result.shot_top1("medium") == 0.0
    assert result.shot_top1("few") is None  # the class has training images, but none here
    assert result.ece == pytest.approx((0.1 + 0.2 + 0.6 + 0.5) / 4)
    assert (result.images, result.classes, result.bad_files, result.images_per_second) == (4, 3, 1, 2.0)
    assert [(each.given, each.predicted) for each in result.confusions] == [
        ("class 1", "class 0"),  # the higher rate first among equal counts
        ("class 0", "class 2"),
    ]
    assert [each.confidence for each in result.worst_errors] == pytest.approx([0.6, 0.5])
    assert result.worst_errors[1].rank == 1


def test_the_cut_offs_belong_to_the_medium_group(make_predictions) -> None:
    predictions = make_predictions([0, 1, 2, 3], np.eye(4))
    result = evaluate(predictions, np.array([101, 100, 20, 19]))
    assert [(each.name, each.classes, each.images) for each in result.shots] == [
        ("many", 1, 1),
        ("medium", 2, 2),
        ("few", 1, 1),
    ]


def test_groups_of_classes_have_intervals_that_do_not_collapse(make_predictions) -> None:
    labels = np.repeat(np.arange(4), 8)
    result = evaluate(make_predictions(labels, np.eye(4)[labels]), np.array([101, 100, 20, 101]))
    figures = result.to_json()["shot_ci95"]
    assert figures["few"] is None
    for name, images in (("many", 16), ("medium", 16)):
        low, high = figures[name]
        assert (low, high) == pytest.approx((1 - 3.84 / (images + 3.84), 1), abs=0.03)
    assert result.shots[2].top1 is None


def test_json_has_the_promised_keys(make_predictions) -> None:
    predictions = replace(make_predictions([0, 1], [[0.9, 0.1], [0.8, 0.2]]), seconds=0.5)
    result = evaluate(predictions, None, split="test", tta=["flip"])
    figures = result.to_json()
    further = {"shot_cutoffs", "split", "tta", "engine", "seen", "confusions", "classes_with_images"}
    assert set(figures) == KEYS | further
    assert figures["many_top1"] is None
    assert figures["shot_cutoffs"] == {"many_above": 100, "few_below": 20}
    assert (figures["split"], figures["tta"]) == ("test", ["flip"])
    assert json.loads(json.dumps(figures, allow_nan=False)) == figures
    assert all(type(figures[key]) is float for key in ("top1", "top5", "macro_top1", "ece", "images_per_second"))
    assert all(type(figures[key]) is int for key in ("images", "classes", "bad_files"))


def test_ties_go_to_the_lower_class_as_in_predictions_top(random_predictions) -> None:
    predictions = random_predictions(200, 9, seed=3, grid=True)
    outcomes = outcomes_of(predictions)
    order = predictions.top(9)
    assert (outcomes.predicted == order[:, 0]).all()
    assert (order[np.arange(200), outcomes.rank] == predictions.labels).all()


def test_chunks_do_not_change_the_outcome(random_predictions, monkeypatch) -> None:
    predictions = random_predictions(101, 7, seed=5)
    whole = outcomes_of(predictions)
    monkeypatch.setattr("shelfmind.evaluation.outcomes._CHUNK_VALUES", 30)
    parts = outcomes_of(predictions)
    for name in ("predicted", "rank", "confidence", "truth_probability"):
        assert (getattr(whole, name) == getattr(parts, name)).all()


def test_one_class_and_no_time(make_predictions) -> None:
    result = evaluate(make_predictions([0], [[1.0]]), np.array([0]))
    assert (result.top1, result.top5, result.macro_top1, result.ece) == (1.0, 1.0, 1.0, 0.0)
    assert result.images_per_second is None
    assert result.shot_top1("few") == 1.0


def test_no_image_is_refused(make_predictions) -> None:
    with pytest.raises(UserError, match="no image"):
        evaluate(make_predictions([], [], names=["a", "b"]), None)


def test_an_image_without_a_label_is_refused_by_name(make_predictions) -> None:
    predictions = make_predictions([0, UNLABELLED], [[1.0, 0.0]] * 2, paths=["a.jpg", "b.jpg"])
    with pytest.raises(UserError, match=r"1 of 2 images have no label.*b\.jpg"):
        evaluate(predictions, None)


def test_a_label_outside_the_classes_is_refused(make_predictions) -> None:
    with pytest.raises(UserError, match="class id 2"):
        evaluate(make_predictions([2], [[1.0, 0.0]]), None)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_refused(make_predictions, value) -> None:
    with pytest.raises(UserError, match=r"photos/1\.jpg are not finite"):
        evaluate(make_predictions([0, 0], [[1.0, 0.0], [value, 0.0]]), None)


@pytest.mark.parametrize("row", [[2.0, 1.0], [1.5, -0.5], [0.0, 0.0]])
def test_values_that_are_no_probabilities_are_refused(make_predictions, row) -> None:
    with pytest.raises(UserError, match="must be at least 0 and sum to 1"):
        evaluate(make_predictions([0], [row]), None)


def test_mistakes_of_the_caller(make_predictions) -> None:
    predictions = make_predictions([0], [[1.0, 0.0]])
    with pytest.raises(ValueError, match=r"training counts must have shape \(2,\)"):
        evaluate(predictions, np.array([1, 2, 3]))
    with pytest.raises(ValueError, match="few_below must lie between"):
        ShotCutoffs(many_above=10, few_below=20)


def test_the_first_bin_holds_zero_and_bins_hold_their_upper_edge(make_predictions) -> None:
    from shelfmind.evaluation.calibration import reliability_bins

    outcomes = outcomes_of(make_predictions([0] * 4, [[1.0, 0.0]] * 4))
    bins = reliability_bins(replace(outcomes, confidence=np.array([0.0, 0.5, 0.50001, 1.0])), bins=2)
    assert [each.images for each in bins] == [2, 2]


def sure_of(confidence: float, right: int, images: int, make_predictions: Maker) -> Predictions:
    """Images of which so many are right, all of the same confidence."""
    labels = [0] * right + [1] * (images - right)
    return make_predictions(labels, [[confidence, 1 - confidence]] * images)


def test_chance_explains_a_calibration_error_of_few_images_and_not_of_many(make_predictions) -> None:
    few = evaluate(sure_of(0.9, 17, 20, make_predictions), None)
    many = evaluate(sure_of(0.9, 850, 1000, make_predictions), None)
    assert few.ece == pytest.approx(many.ece, abs=1e-6)
    assert few.ece < few.ece_by_chance
    assert many.ece > many.ece_by_chance
    assert (few.poorly_calibrated, many.poorly_calibrated) == (False, True)
    assert (many.mean_confidence, many.top1) == (pytest.approx(0.9), 0.85)


def test_a_small_calibration_error_is_none_to_act_on(make_predictions) -> None:
    result = evaluate(sure_of(0.91, 90_000, 100_000, make_predictions), None)
    assert result.ece > result.ece_by_chance
    assert not result.poorly_calibrated


@pytest.mark.parametrize("seed", range(3))
def test_chance_is_what_drawn_labels_show(seed: int, random_predictions) -> None:
    outcomes = outcomes_of(random_predictions(400, 6, seed=seed))
    rng = np.random.default_rng(seed)
    drawn = []
    for _ in range(500):
        right = rng.random(len(outcomes)) < outcomes.confidence
        drawn.append(expected_calibration_error(reliability_bins(replace(outcomes, rank=np.where(right, 0, 1)))))
    assert ece_by_chance(outcomes) == pytest.approx(np.quantile(drawn, 0.95), rel=0.12)


def test_all_errors_are_kept_the_most_confident_first(random_predictions) -> None:
    result = evaluate(random_predictions(400, 6, seed=0), None)
    assert len(result.errors) == 400 - result.top1_right > 36
    assert [each.confidence for each in result.errors] == sorted((e.confidence for e in result.errors), reverse=True)
    assert result.worst_errors == result.errors[:36]
