"""Calibration of confidence: reliability bins, expected calibration error and temperature scaling."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from shelfmind.evaluation.bootstrap import paired_interval
from shelfmind.evaluation.intervals import Interval
from shelfmind.evaluation.outcomes import Outcomes, outcomes_of
from shelfmind.nouns import counted
from shelfmind.records import Predictions

Rows = npt.NDArray[np.float32]
BINS = 15
TEMPERATURES = (0.05, 20.0)
FOLDS = 5
MIN_IMAGES = 50
"""Minimum number of images to fit a temperature. In simulations with 5 and 20 classes and logits that are 2.5 times too
large, 50 images detect the error in two of three networks, 30 images in one of three. With fewer, it is mostly luck."""
_MIN_PROBABILITY = 1e-30
_NEAR_BOUND = 1.02


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """Images with confidence in (low, high]: their number, mean confidence and accuracy.

    The means are None for an empty bin. The first bin includes 0.
    """

    low: float
    high: float
    images: int
    confidence: float | None
    accuracy: float | None


def reliability_bins(outcomes: Outcomes, bins: int = BINS) -> tuple[ReliabilityBin, ...]:
    """Return equal-width bins of confidence over [0, 1], lowest first."""
    edges, index = np.arange(bins + 1) / bins, _bin_of(outcomes.confidence, bins)
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
    """Return the mean gap between confidence and accuracy over the bins, weighted by images; 0 is perfect.

    Guo et al., "On Calibration of Modern Neural Networks", ICML 2017, equation 3, there with 15 bins.
    """
    total = sum(each.images for each in bins)
    gaps = (
        each.images * abs(each.accuracy - each.confidence)
        for each in bins
        if each.accuracy is not None and each.confidence is not None
    )
    return sum(gaps) / total


def ece_by_chance(outcomes: Outcomes, seed: int = 0, bins: int = BINS, simulations: int = 2000) -> float:
    """Return the 95th percentile of the calibration error that perfectly calibrated confidences show by chance.

    Labels are simulated from the confidences themselves (Bröcker and Smith, Weather and Forecasting 2007; Vaicenavicius
    et al., AISTATS 2019), bin by bin, by the normal approximation of the number of correct images.
    """
    spread = np.bincount(
        _bin_of(outcomes.confidence, bins), weights=outcomes.confidence * (1 - outcomes.confidence), minlength=bins
    )
    gaps = np.abs(np.random.default_rng(seed).standard_normal((simulations, bins))) * np.sqrt(np.maximum(spread, 0))
    return float(np.quantile(gaps.sum(1) / len(outcomes), 0.95))


def temperature_scaled(probabilities: Rows, temperature: float) -> Rows:
    """Return probabilities (N, C) to the power 1 / temperature, normalised, which divides the logits by it.

    The ranking of classes does not change. Guo et al., ICML 2017, equation 9.
    """
    if temperature == 1.0:
        return probabilities
    return _tempered(probabilities, temperature).astype(np.float32)


def fit_temperature(predictions: Predictions) -> float:
    """Return the maximum-likelihood temperature for the labels of these images, between 0.05 and 20.

    The likelihood is unimodal in the logarithm of the temperature and maximised by Brent's method.
    """
    from scipy.optimize import minimize_scalar  # inference does not need SciPy

    logits = _logits(predictions.probabilities)
    truth = logits[np.arange(len(predictions)), predictions.labels]

    def loss(logarithm: float) -> float:
        temperature = float(np.exp(logarithm))
        likelihood = truth / temperature - np.log(np.exp(logits / temperature).sum(1))
        return float(-np.maximum(likelihood, np.log(_MIN_PROBABILITY)).mean())

    low, high = np.log(TEMPERATURES)
    return float(np.exp(minimize_scalar(loss, bounds=(low, high), method="bounded").x))


@dataclass(frozen=True, slots=True)
class TemperatureScaling:
    """The result of temperature scaling: whether the fitted temperature is kept, and its effect on held-out images.

    `temperature` is the one to use: `fitted`, the one fitted to all images, if `kept`, else 1; `reason` explains the
    decision. `gain` is the increase of the mean log-likelihood of an image's label (nats), with a 95% interval over
    images (None for too few images). `gain` and `ece_after` are cross-fitted: each fold is scaled with the temperature
    fitted to the other folds. `replaced` is the previous temperature that this one replaces. Of the images, `trained`
    are training images and `near_copies` are near-duplicates of training images.
    """

    temperature: float
    ece_before: float
    ece_after: float
    images: int
    fitted: float
    kept: bool
    reason: str
    gain: float
    gain_ci95: Interval | None
    replaced: float | None = None
    trained: int = 0
    near_copies: int = 0

    def sentence(self) -> str:
        """Return the decision and its reason as readable text."""
        instead = "" if self.replaced is None else f" instead of the previous {self.replaced:.3f}"
        kept = f"kept temperature {self.temperature:{'.3f' if self.kept else 'g'}}{instead}: {self.reason}"
        seen = self.trained + self.near_copies
        if not self.kept or not seen:
            return kept
        were, are = ("was", "is") if seen == 1 else ("were", "are")
        return (
            f"{kept}; but {seen:,} of the {counted(self.images, 'image')} {were} trained on or {are} nearly the same "
            "as a training photo, on which networks are more confident"
        )


def scale_temperature(predictions: Predictions, seed: int = 0) -> TemperatureScaling:
    """Fit a temperature to labelled predictions, and decide on held-out folds whether to keep it.

    It is kept if the likelihood of held-out labels is significantly better: if the 95% interval of the gain over images
    lies above 0. It is not kept at a bound of the search, which only means that nearly all or no predictions are
    correct, nor with fewer than 50 images (see `MIN_IMAGES`).
    """
    scaled = cross_fitted(predictions, seed)
    gains = _log_likelihood(scaled) - _log_likelihood(predictions)
    interval = paired_interval(gains, seed) if len(gains) >= MIN_IMAGES else None
    fitted, gain = fit_temperature(predictions), float(gains.mean())
    against = _reason_against(fitted, gain, interval, len(gains))
    return TemperatureScaling(
        temperature=1.0 if against else fitted,
        ece_before=expected_calibration_error(reliability_bins(outcomes_of(predictions))),
        ece_after=expected_calibration_error(reliability_bins(outcomes_of(scaled))),
        images=len(gains),
        fitted=fitted,
        kept=against is None,
        reason=against or f"held-out likelihood is significantly better ({_gain_words(gain, interval)})",
        gain=gain,
        gain_ci95=interval,
    )


def cross_fitted(predictions: Predictions, seed: int = 0, folds: int = FOLDS) -> Predictions:
    """Scale each random fold of the images with the temperature fitted to all others."""
    order = np.random.default_rng(seed).permutation(len(predictions))
    scaled = predictions.probabilities.copy()
    for fold in range(folds):
        own, others = order[fold::folds], np.delete(order, slice(fold, None, folds))
        if len(own) and len(others):
            temperature = fit_temperature(_chosen(predictions, others))
            scaled[own] = temperature_scaled(predictions.probabilities[own], temperature)
    return replace(predictions, probabilities=scaled)


def _reason_against(fitted: float, gain: float, interval: Interval | None, images: int) -> str | None:
    """Return the reason against keeping a fitted temperature, or None."""
    if interval is None:
        return f"{counted(images, 'image is', 'images are')} too few to fit one; at least {MIN_IMAGES} are needed"
    low, high = TEMPERATURES
    if not low * _NEAR_BOUND < fitted < high / _NEAR_BOUND:
        return f"the fitted temperature, {fitted:.3g}, is at the bound of the search and thus meaningless"
    if interval.low <= 0:
        return f"held-out likelihood is not significantly better ({_gain_words(gain, interval)})"
    return None


def _gain_words(gain: float, interval: Interval | None) -> str:
    low, high = interval or (gain, gain)
    return f"gain {gain:+.4f} nats per image, 95% interval {low:+.4f} to {high:+.4f}"


def _bin_of(confidence: npt.NDArray[np.float64], bins: int) -> npt.NDArray[np.int64]:
    """Return the bin of each confidence, (N,): equal-width bins over [0, 1], right-closed; the first includes 0."""
    edges = np.arange(bins + 1) / bins
    return np.asarray(np.clip(np.searchsorted(edges, confidence, side="left") - 1, 0, bins - 1))


def _log_likelihood(predictions: Predictions) -> npt.NDArray[np.float64]:
    """Return the log-probability of each image's label, shape (N,)."""
    truth = predictions.probabilities[np.arange(len(predictions)), predictions.labels].astype(np.float64)
    return np.asarray(np.log(np.maximum(truth, _MIN_PROBABILITY)))


def _chosen(predictions: Predictions, rows: npt.NDArray[np.int64]) -> Predictions:
    return Predictions(
        paths=tuple(predictions.paths[row] for row in rows),
        labels=predictions.labels[rows],
        probabilities=predictions.probabilities[rows],
        embeddings=predictions.embeddings[rows],
        class_names=predictions.class_names,
    )


def _tempered(probabilities: Rows, temperature: float) -> npt.NDArray[np.float64]:
    powers = np.exp(_logits(probabilities) / temperature)
    return np.asarray(powers / powers.sum(1, keepdims=True))


def _logits(probabilities: Rows) -> npt.NDArray[np.float64]:
    """Return logarithms minus the maximum of each row."""
    logarithms = np.log(np.maximum(probabilities.astype(np.float64), _MIN_PROBABILITY))
    return np.asarray(logarithms - logarithms.max(1, keepdims=True))
