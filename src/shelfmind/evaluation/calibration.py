"""Whether confidence means anything: reliability bins and the expected calibration error."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shelfmind.evaluation.outcomes import Outcomes

BINS = 15


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
