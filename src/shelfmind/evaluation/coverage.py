"""Selective prediction: accuracy as a function of coverage, the share of images that are answered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from shelfmind.evaluation.intervals import MIN_IMAGES
from shelfmind.evaluation.outcomes import Outcomes

MAX_POINTS = 200


@dataclass(frozen=True, slots=True)
class Coverage:
    """The share of images answered with at least this `confidence`, and their accuracy."""

    confidence: float
    share: float
    accuracy: float


def coverage_curve(outcomes: Outcomes) -> tuple[Coverage, ...]:
    """Return the curve from the most confident images to all images (El-Yaniv and Wiener, JMLR 2010), up to 200 points.

    Images of equal confidence are answered together. The curve starts at `MIN_IMAGES` images, as the accuracy of
    fewer is meaningless.
    """
    order = np.argsort(-outcomes.confidence, kind="stable")
    confidence, right = outcomes.confidence[order], np.cumsum(outcomes.correct[order])
    last_of_equals = np.append(confidence[1:] != confidence[:-1], True)
    ends = np.flatnonzero(last_of_equals)
    ends = ends[(ends + 1 >= MIN_IMAGES) | (ends + 1 == len(order))]
    if len(ends) > MAX_POINTS:
        ends = ends[np.unique(np.linspace(0, len(ends) - 1, MAX_POINTS).round().astype(np.int64))]
    return tuple(
        Coverage(float(confidence[end]), float((end + 1) / len(order)), float(right[end] / (end + 1))) for end in ends
    )


def best_at_accuracy(curve: Sequence[Coverage], accuracy: float) -> Coverage | None:
    """Return the point with the largest share at this minimum accuracy, or None."""
    return max((point for point in curve if point.accuracy >= accuracy), key=lambda point: point.share, default=None)
