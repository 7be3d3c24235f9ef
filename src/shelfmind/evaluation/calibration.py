"""Whether confidence means anything: reliability bins and the expected calibration error."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar

from shelfmind.evaluation.outcomes import Outcomes, judge
from shelfmind.records import Predictions

Rows = npt.NDArray[np.float32]
BINS = 15
TEMPERATURES = (0.05, 20.0)
_LEAST = 1e-30


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """Images whose confidence lies in (low, high]: how many, how sure they were and how often right.

    The means are None for an empty bin. The first bin includes 0.
    """

    low: float
    high: float
    images: int
    confidence: float | None
    accuracy: float | None


def reliability_bins(outcomes: Outcomes, bins: int = BINS) -> tuple[ReliabilityBin, ...]:
    """Equal-width bins of confidence over [0, 1], lowest first."""
    edges = np.arange(bins + 1) / bins
    index = np.clip(np.searchsorted(edges, outcomes.confidence, side="left") - 1, 0, bins - 1)
    images = np.bincount(index, minlength=bins)
    confidence = np.bincount(index, weights=outcomes.confidence, minlength=bins)
    hits = np.bincount(index[outcomes.correct], minlength=bins)
    return tuple(
        ReliabilityBin(
            low=float(edges[i]),
            high=float(edges[i + 1]),
            images=int(images[i]),
            confidence=float(confidence[i] / images[i]) if images[i] else None,
            accuracy=float(hits[i] / images[i]) if images[i] else None,
        )
        for i in range(bins)
    )


def expected_calibration_error(bins: tuple[ReliabilityBin, ...]) -> float:
    """The mean gap between confidence and accuracy over the bins, weighted by images; 0 is perfect.

    Guo et al., "On Calibration of Modern Neural Networks", ICML 2017, equation 3, there with 15 bins.
    """
    total = sum(each.images for each in bins)
    gaps = (
        each.images * abs(each.accuracy - each.confidence)
        for each in bins
        if each.accuracy is not None and each.confidence is not None
    )
    return sum(gaps) / total


def tempered(probabilities: Rows, temperature: float) -> Rows:
    """Probabilities (N, C) to the power 1 / temperature, scaled to sum to 1, which divides the logits by it.

    The order of the guesses stays as it is. Guo et al., ICML 2017, equation 9.
    """
    if temperature == 1.0:
        return probabilities
    return _tempered(probabilities, temperature).astype(np.float32)


def fit_temperature(predictions: Predictions) -> float:
    """The temperature under which the labels of these images are most likely, between 0.05 and 20.

    The likelihood has one peak over the logarithm of the temperature, which Brent's method finds.
    """
    rows = np.arange(len(predictions))

    def loss(logarithm: float) -> float:
        truth = _tempered(predictions.probabilities, float(np.exp(logarithm)))[rows, predictions.labels]
        return float(-np.log(np.maximum(truth, _LEAST)).mean())

    low, high = np.log(TEMPERATURES)
    return float(np.exp(minimize_scalar(loss, bounds=(low, high), method="bounded").x))


@dataclass(frozen=True, slots=True)
class TemperatureScaling:
    """A temperature fitted to all images, and the calibration error before and after.

    `ece_after` is honest: each half of the images is scaled by the temperature fitted to the other half.
    """

    temperature: float
    ece_before: float
    ece_after: float
    images: int


def scale_temperature(predictions: Predictions, seed: int = 0) -> TemperatureScaling:
    """Fit a temperature to labelled predictions and say what it does to the calibration of images it has not seen."""
    before, after = judge(predictions), judge(cross_fitted(predictions, seed))
    return TemperatureScaling(
        temperature=fit_temperature(predictions),
        ece_before=expected_calibration_error(reliability_bins(before)),
        ece_after=expected_calibration_error(reliability_bins(after)),
        images=len(predictions),
    )


def cross_fitted(predictions: Predictions, seed: int = 0) -> Predictions:
    """Each random half of the images scaled by the temperature that was fitted to the other half."""
    order = np.random.default_rng(seed).permutation(len(predictions))
    halves = order[: len(order) // 2], order[len(order) // 2 :]
    scaled = predictions.probabilities.copy()
    for own, other in (halves, halves[::-1]):
        if len(own) and len(other):
            temperature = fit_temperature(_chosen(predictions, other))
            scaled[own] = tempered(predictions.probabilities[own], temperature)
    return replace(predictions, probabilities=scaled)


def _chosen(predictions: Predictions, rows: npt.NDArray[np.int64]) -> Predictions:
    return Predictions(
        paths=tuple(predictions.paths[row] for row in rows),
        labels=predictions.labels[rows],
        probabilities=predictions.probabilities[rows],
        embeddings=predictions.embeddings[rows],
        class_names=predictions.class_names,
    )


def _tempered(probabilities: Rows, temperature: float) -> npt.NDArray[np.float64]:
    logarithms = np.log(np.maximum(probabilities.astype(np.float64), _LEAST)) / temperature
    powers = np.exp(logarithms - logarithms.max(1, keepdims=True))
    return np.asarray(powers / powers.sum(1, keepdims=True))
