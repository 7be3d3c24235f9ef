"""Images of poor quality, detected by absolute bounds and by comparison with their class."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shelfmind.analysis.measuring.measures import MEASURES, Rule
from shelfmind.arrays import Floats

ROBUST_Z = 3.5
"""Threshold of Iglewicz and Hoaglin, "How to detect and handle outliers", 1993, for scores from median and MAD."""
_MIN_IMAGES = 5
"""Minimum images of a class for a class median."""


RULES: dict[str, Rule] = {name: measure.rule for name, measure in MEASURES.items() if measure.rule is not None}
"""The rules by the measure that they apply to."""


@dataclass(frozen=True)
class Flagged:
    """The result of one rule: which of N images it flags, worst first, and how suspicious they are (0..1).

    `measure` is the name of the measured quantity, `min_deviation` the required distance from the class median.
    """

    measure: str
    rule: Rule
    min_deviation: float
    images: npt.NDArray[np.int64]
    values: Floats
    scores: Floats


def flag_quality(
    facts: npt.NDArray[np.void], labels: npt.NDArray[np.int64], rules: Mapping[str, Rule] = RULES
) -> dict[str, Flagged]:
    """The images flagged by each rule, by issue name; `rules` are by measure, `facts` and `labels` have shape (N,)."""
    return {rule.issue: _flag(measure, facts[measure], labels, rule) for measure, rule in rules.items()}


def above_class_median(values: Floats, labels: npt.NDArray[np.int64]) -> Floats:
    """How far each value is above its class median, shape (N,); above the overall median for classes with fewer than
    five images."""
    order = np.argsort(labels, kind="stable")
    apart = np.empty(len(values), np.float32)
    everywhere = np.median(values) if len(values) else 0.0
    for members in np.split(order, np.flatnonzero(np.diff(labels[order])) + 1):
        middle = np.median(values[members]) if len(members) >= _MIN_IMAGES else everywhere
        apart[members] = values[members] - middle
    return apart


def _flag(measure: str, values: Floats, labels: npt.NDArray[np.int64], rule: Rule) -> Flagged:
    apart = rule.sign * above_class_median(values, labels)
    spread = 1.4826 * float(np.median(np.abs(apart))) if len(apart) else 0.0
    min_deviation = max(ROBUST_Z * spread, rule.excess)
    badness = rule.sign * values
    flagged = (badness >= rule.sign * rule.always) | ((badness >= rule.sign * rule.never) & (apart >= min_deviation))
    indices = np.flatnonzero(flagged)
    order = indices[np.argsort(-badness[indices], kind="stable")]
    beyond = (badness[order] - rule.sign * rule.never) / abs(rule.always - rule.never)
    return Flagged(
        measure, rule, min_deviation, order, values[order], np.asarray(0.5 + np.clip(beyond, 0, 1) / 2, np.float32)
    )
