"""Temperature scaling finds the temperature that made the probabilities too sure, and keeps every guess."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from shelfmind.evaluation.calibration import cross_fitted, fit_temperature, scale_temperature, temperature_scaled
from shelfmind.records import Predictions

Maker = Callable[..., Predictions]


def calibrated(make_predictions: Maker, images: int = 4000) -> Predictions:
    """Labels drawn from the very probabilities."""
    rng = np.random.default_rng(0)
    logits = 2 * rng.normal(size=(images, 5))
    rows = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    labels = (rows.cumsum(1) > rng.random((images, 1))).argmax(1)
    return make_predictions(labels.tolist(), rows)


def changed(predictions: Predictions, temperature: float) -> Predictions:
    return replace(predictions, probabilities=temperature_scaled(predictions.probabilities, temperature))


@pytest.mark.parametrize("temperature", [0.4, 1.0, 2.5])
def test_it_is_found_again(temperature: float, make_predictions: Maker) -> None:
    too_sure = changed(calibrated(make_predictions), temperature)
    assert fit_temperature(too_sure) == pytest.approx(1 / temperature, rel=0.06)


def test_calibration_improves_on_images_not_fitted_to(make_predictions: Maker) -> None:
    scaling = scale_temperature(changed(calibrated(make_predictions), 0.4))
    assert scaling.ece_before > 0.1
    assert scaling.ece_after < 0.04
    assert scaling.images == 4000


def test_guesses_stay(make_predictions: Maker) -> None:
    predictions = calibrated(make_predictions, 200)
    for temperature in (0.05, 0.5, 20.0):
        result = changed(predictions, temperature)
        np.testing.assert_array_equal(result.top(1), predictions.top(1))
        np.testing.assert_allclose(result.probabilities.sum(1), 1, atol=1e-5)


def test_certain_and_few_images(make_predictions: Maker) -> None:
    assert np.isfinite(scale_temperature(make_predictions([0], [[1.0, 0.0]])).fitted)
    assert np.isfinite(scale_temperature(make_predictions([1, 0], [[1.0, 0.0], [0.0, 1.0]])).ece_after)


def test_what_helps_is_kept(make_predictions: Maker) -> None:
    scaling = scale_temperature(changed(calibrated(make_predictions, 400), 0.4))
    assert scaling.kept
    assert scaling.temperature == scaling.fitted == pytest.approx(2.5, rel=0.2)
    assert scaling.gain_ci95 is not None
    assert 0 < scaling.gain_ci95.low < scaling.gain < scaling.gain_ci95.high
    kept = f"kept temperature {scaling.temperature:.3f}: held-out likelihood is significantly better"
    assert scaling.sentence().startswith(kept)


@pytest.mark.parametrize("seed", range(8))
def test_what_does_not_help_beyond_chance_is_not_kept(seed: int, make_predictions: Maker) -> None:
    order = np.random.default_rng(seed).choice(4000, 120, replace=False)
    every = calibrated(make_predictions)
    scaling = scale_temperature(make_predictions(every.labels[order].tolist(), every.probabilities[order]))
    assert not scaling.kept
    assert scaling.temperature == 1.0
    assert scaling.sentence().startswith("kept temperature 1: held-out likelihood is not significantly better (gain ")


def test_few_images_or_a_bound_keep_1(make_predictions: Maker) -> None:
    few = scale_temperature(changed(calibrated(make_predictions, 49), 0.2))
    assert (few.temperature, few.kept, few.gain_ci95) == (1.0, False, None)
    assert "49 images are too few" in few.sentence()
    labels = [place % 2 for place in range(60)]
    all_right = scale_temperature(
        make_predictions(labels, [[0.6, 0.4] if label == 0 else [0.4, 0.6] for label in labels])
    )
    assert (all_right.temperature, all_right.kept) == (1.0, False)
    assert "bound of the search" in all_right.sentence()


def test_a_temperature_of_images_that_the_network_saw_is_doubted(make_predictions: Maker) -> None:
    scaling = scale_temperature(changed(calibrated(make_predictions, 400), 0.4))
    assert "but" not in scaling.sentence()
    copies = replace(scaling, near_copies=1).sentence()
    assert copies.startswith(scaling.sentence())
    assert "but 1 of the 400 images was trained on or is nearly the same as a training photo" in copies
    assert (
        "but 33 of the 400 images were trained on or are nearly"
        in replace(scaling, trained=30, near_copies=3).sentence()
    )


def test_every_image_is_scaled_by_what_it_was_not_fitted_to(make_predictions: Maker) -> None:
    predictions = changed(calibrated(make_predictions, 60), 0.4)
    scaled = cross_fitted(predictions)
    used = [
        round(fit_of(one, other), 6) for one, other in zip(predictions.probabilities, scaled.probabilities, strict=True)
    ]
    assert len(set(np.round(used, 3))) == 5  # a temperature a fold
    flipped = predictions.labels.copy()
    flipped[0] = (flipped[0] + 1) % 5
    again = cross_fitted(replace(predictions, labels=flipped))
    np.testing.assert_array_equal(again.probabilities[0], scaled.probabilities[0])


def fit_of(before: np.ndarray, after: np.ndarray) -> float:
    """The temperature that made one row of the other."""
    return float(np.log(before[0] / before[1]) / np.log(after[0] / after[1]))
