"""What holding back unsure answers is worth: accuracy over the share of images that is still answered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from shelfmind.evaluation.intervals import LEAST_IMAGES
from shelfmind.evaluation.outcomes import Outcomes

MOST_POINTS = 200


@dataclass(frozen=True, slots=True)
class Coverage:
    """If only images with at least this `confidence` are answered: the `share` of them, and how often that is right."""

    confidence: float
    share: float
    accuracy: float


def coverage_curve(outcomes: Outcomes) -> tuple[Coverage, ...]:
    """From the surest few images to all of them (El-Yaniv and Wiener, JMLR 2010), at most 200 points.

    Images of equal confidence are answered together. The curve begins with `LEAST_IMAGES` of them, for the accuracy of
    fewer says nothing.
    """
    order = np.argsort(-outcomes.confidence, kind="stable")
    confidence, right = outcomes.confidence[order], np.cumsum(outcomes.correct[order])
    last_of_equals = np.append(confidence[1:] != confidence[:-1], True)
    ends = np.flatnonzero(last_of_equals)
    ends = ends[(ends + 1 >= LEAST_IMAGES) | (ends + 1 == len(order))]
    if len(ends) > MOST_POINTS:
        ends = ends[np.unique(np.linspace(0, len(ends) - 1, MOST_POINTS).round().astype(np.int64))]
    return tuple(
        Coverage(float(confidence[end]), float((end + 1) / len(order)), float(right[end] / (end + 1))) for end in ends
    )


def most_answers(curve: Sequence[Coverage], accuracy: float) -> Coverage | None:
    """The point that answers most images with at least this accuracy; None if there is none."""
    return max((point for point in curve if point.accuracy >= accuracy), key=lambda point: point.share, default=None)
