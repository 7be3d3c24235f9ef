"""Forgetting of old classes and accuracy of new ones when classes are added to a classifier."""

from __future__ import annotations

from dataclasses import dataclass

from shelfmind.arrays import Wide
from shelfmind.evaluation.bootstrap import hits_interval, paired_interval
from shelfmind.evaluation.intervals import Interval, too_few_images


@dataclass(frozen=True)
class Change:
    """Top-1 after a step, and its difference from before on the same images, with a paired 95% interval."""

    top1: float
    change: float
    change_ci95: Interval


@dataclass(frozen=True)
class OldClasses:
    """Top-1 of the old classes on `images` images: before, with new classes imprinted, and fine-tuned."""

    images: int
    before: float
    before_ci95: Interval
    imprinted: Change
    tuned: Change
    too_few_images: bool


@dataclass(frozen=True)
class NewClasses:
    """Top-1 of the new classes among all classes on `images` held-out images: imprinted, and fine-tuned."""

    images: int
    imprinted: float
    imprinted_ci95: Interval
    tuned: float
    tuned_ci95: Interval
    too_few_images: bool


def old_classes(before: Wide, imprinted: Wide, tuned: Wide) -> OldClasses | None:
    """Return the metrics of three predictions of the same N images, 1 for each hit, shape (N,); None for no image."""
    if not len(before):
        return None
    return OldClasses(
        len(before),
        float(before.mean()),
        hits_interval(before),
        _change(before, imprinted),
        _change(before, tuned),
        too_few_images(len(before)),
    )


def new_classes(imprinted: Wide, tuned: Wide) -> NewClasses | None:
    """Return the metrics of two predictions of the same N images, 1 for each hit, shape (N,); None for no image."""
    if not len(tuned):
        return None
    return NewClasses(
        len(tuned),
        float(imprinted.mean()),
        hits_interval(imprinted),
        float(tuned.mean()),
        hits_interval(tuned),
        too_few_images(len(tuned)),
    )


def _change(before: Wide, after: Wide) -> Change:
    differences = after - before
    return Change(float(after.mean()), float(differences.mean()), paired_interval(differences))
