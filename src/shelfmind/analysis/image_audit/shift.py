"""Distribution shift of a class between splits: other lighting, another shop, another camera."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from shelfmind.arrays import Bools, Ints, Wide

FALSE_DISCOVERIES = 0.01
MIN_IMAGES = 4
MIN_EFFECT = 0.6
_EXACT_UP_TO = 20_000
"""Product of the two sample sizes up to which the exact distribution is computed."""


@dataclass(frozen=True, slots=True)
class Shift:
    """A class whose images in `split` differ from its training images in one feature.

    `distance` is the Kolmogorov-Smirnov statistic, 0..1 (1: no overlap), `adjusted_p` its p-value after
    Benjamini-Hochberg correction; `train_median` and `split_median` are in the feature's unit.
    """

    class_id: int
    split: str
    feature: str
    distance: float
    adjusted_p: float
    train_median: float
    split_median: float


@dataclass(frozen=True, slots=True)
class OverallShift:
    """The difference of a feature between training images and images of `split` of the same classes.

    `greater` is the share of pairs (one image from each side, within a class, averaged over classes) in which the
    split's image has the greater value: 0.5 without a shift. `classes` is the number of classes with images on both
    sides.
    """

    split: str
    feature: str
    greater: float
    classes: int


def shift_features(facts: npt.NDArray[np.void]) -> dict[str, Wide]:
    """The compared features by name, each of shape (N,)."""
    red, green, blue = facts["mean"].astype(np.float64).T
    total = red + green + blue + 1.0
    return {
        "brightness": facts["luma"].astype(np.float64),
        "contrast": facts["contrast"].astype(np.float64),
        "share of red": red / total,
        "share of blue": blue / total,
        "blur": facts["blur"].astype(np.float64),
        "tilt": facts["tilt"].astype(np.float64),
        "askew": facts["askew"].astype(np.float64),
        "aspect ratio": facts["height"] / facts["width"].astype(np.float64),
        "megapixels": facts["height"].astype(np.float64) * facts["width"] / 1e6,
    }


def class_shifts(
    features: Mapping[str, Wide], labels: Ints, in_train: Bools, in_split: Bools, split: str
) -> tuple[list[Shift], int]:
    """Classes that look different in a split, clearest first, and the number of comparisons made.

    A two-sample Kolmogorov-Smirnov test for each feature and each class with at least 4 images on both sides, at a
    false discovery rate of at most 1% over all comparisons (Benjamini and Hochberg, 1995). Because photos of a class
    are not independent (several may show one shelf), the distance must also be at least 0.6.
    """
    found: list[Shift] = []
    p_values: list[float] = []
    for class_id, train, other in _sides(labels, in_train, in_split, MIN_IMAGES):
        for name, values in features.items():
            distance, p_value = kolmogorov_smirnov(values[train], values[other])
            medians = float(np.median(values[train])), float(np.median(values[other]))
            found.append(Shift(class_id, split, name, distance, p_value, *medians))
            p_values.append(p_value)
    adjusted = stats.false_discovery_control(p_values, method="bh")
    shifts = [
        Shift(each.class_id, split, each.feature, each.distance, float(p), each.train_median, each.split_median)
        for each, p in zip(found, adjusted, strict=True)
        if p <= FALSE_DISCOVERIES and each.distance >= MIN_EFFECT
    ]
    return sorted(shifts, key=lambda each: (-each.distance, each.adjusted_p)), len(found)


def overall_shifts(
    features: Mapping[str, Wide], labels: Ints, in_train: Bools, in_split: Bools, split: str
) -> list[OverallShift]:
    """Each feature compared within classes, so that a different class mix is not a shift; greatest shift first."""
    sides = _sides(labels, in_train, in_split, 1)
    found = []
    for name, values in features.items():
        shares = [_share_greater(values[other], values[train]) for _, train, other in sides]
        if shares:
            found.append(OverallShift(split, name, float(np.mean(shares)), len(shares)))
    return sorted(found, key=lambda each: -abs(each.greater - 0.5))


def kolmogorov_smirnov(one: Wide, two: Wide) -> tuple[float, float]:
    """The greatest distance between the empirical distribution functions of two samples, and its two-sided p-value."""
    method = "exact" if len(one) * len(two) <= _EXACT_UP_TO else "asymp"
    tested = stats.ks_2samp(one, two, method=method)
    return float(tested.statistic), float(tested.pvalue)


def _share_greater(one: Wide, two: Wide) -> float:
    """The share of pairs in which the value of `one` is greater, with ties counted as half."""
    ranked = np.sort(two)
    below = np.searchsorted(ranked, one, side="left") + np.searchsorted(ranked, one, side="right")
    return float(below.mean() / (2 * len(two)))


def _sides(labels: Ints, in_train: Bools, in_split: Bools, least: int) -> list[tuple[int, Ints, Ints]]:
    """Class ids with the positions of their images on both sides, for classes with enough images on each."""
    classes = int(labels.max(initial=-1)) + 1

    def by_class(chosen: Bools) -> list[Ints]:
        indices = np.flatnonzero(chosen & (labels >= 0))
        ordered = indices[np.argsort(labels[indices], kind="stable")]
        return np.split(ordered, np.cumsum(np.bincount(labels[indices], minlength=classes))[:-1]) if classes else []

    pairs = zip(range(classes), by_class(in_train), by_class(in_split), strict=True)
    return [each for each in pairs if min(len(each[1]), len(each[2])) >= least]
