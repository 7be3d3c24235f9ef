"""Temperature scaling finds the temperature that made the probabilities too sure, and keeps every guess."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from shelfmind.evaluation.calibration import fit_temperature, scale_temperature, tempered
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
    return replace(predictions, probabilities=tempered(predictions.probabilities, temperature))


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
    assert np.isfinite(scale_temperature(make_predictions([0], [[1.0, 0.0]])).temperature)
    assert np.isfinite(scale_temperature(make_predictions([1, 0], [[1.0, 0.0], [0.0, 1.0]])).ece_after)
