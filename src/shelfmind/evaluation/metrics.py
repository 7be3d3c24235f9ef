"""Accuracies: top-k, macro, and macro over classes with many, a medium number of, and few training images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shelfmind.arrays import Bools, Ints, Wide
from shelfmind.evaluation.intervals import Interval, class_mean_interval
from shelfmind.evaluation.outcomes import Outcomes


@dataclass(frozen=True, slots=True)
class ShotCutoffs:
    """Limits of the groups of classes by training images: more than `many_above`, fewer than `few_below`, and the rest.

    The defaults are those of Liu et al., "Large-Scale Long-Tailed Recognition in an Open World", CVPR 2019.
    """

    many_above: int = 100
    few_below: int = 20

    def __post_init__(self) -> None:
        if not 0 <= self.few_below <= self.many_above + 1:
            raise ValueError(
                f"few_below must lie between 0 and many_above + 1 = {self.many_above + 1}, got {self.few_below}"
            )


@dataclass(frozen=True, slots=True)
class ShotGroup:
    """A group of classes by training images: macro accuracy with a 95% interval (None without images), number of
    non-empty classes, and number of images."""

    name: str
    top1: float | None
    classes: int
    images: int
    ci95: Interval | None = None


def top_k(outcomes: Outcomes, count: int) -> float:
    """Return the top-`count` accuracy; 1.0 if there are no more classes than that."""
    return float(outcomes.within(count).mean())


def class_recalls(outcomes: Outcomes) -> Wide:
    """Return the recall of each class, shape (classes,); NaN for a class without images."""
    images = np.bincount(outcomes.labels, minlength=outcomes.classes)
    hits = np.bincount(outcomes.labels[outcomes.correct], minlength=outcomes.classes)
    return np.divide(hits, images, out=np.full(outcomes.classes, np.nan), where=images > 0)


def macro_top1(outcomes: Outcomes) -> float:
    """Return the mean recall over the classes with images, so that every product has the same weight."""
    return float(np.nanmean(class_recalls(outcomes)))


def shot_groups(outcomes: Outcomes, train_counts: Ints, cutoffs: ShotCutoffs) -> tuple[ShotGroup, ...]:
    """Return the macro accuracy of classes with many, a medium number of, and few training images, in that order.

    `train_counts` has shape (classes,). As in the paper's code, it is the mean recall of a group's classes; classes
    without images are skipped.
    """
    if train_counts.shape != (outcomes.classes,):
        raise ValueError(f"training counts must have shape ({outcomes.classes},), got {train_counts.shape}")
    many, few = train_counts > cutoffs.many_above, train_counts < cutoffs.few_below
    groups = (("many", many), ("medium", ~many & ~few), ("few", few))
    return tuple(_shot_group(name, members, outcomes) for name, members in groups)


def _shot_group(name: str, members: Bools, outcomes: Outcomes) -> ShotGroup:
    images = np.bincount(outcomes.labels, minlength=outcomes.classes)
    right = np.bincount(outcomes.labels[outcomes.correct], minlength=outcomes.classes)
    measured = members & (images > 0)
    if not measured.any():
        return ShotGroup(name, None, 0, 0)
    images, right = images[measured], right[measured]
    top1, interval = float((right / images).mean()), class_mean_interval(right, images)
    return ShotGroup(name, top1, len(images), int(images.sum()), interval)
