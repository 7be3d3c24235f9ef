"""Percentile bootstrap intervals over images: how much metrics would vary with other photos of the same kind.

With too few images, the intervals of `intervals` are used instead.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from shelfmind.arrays import Ints, Wide
from shelfmind.evaluation.intervals import (
    FEW_HITS,
    FEW_IMAGES,
    Interval,
    class_mean_interval,
    few_hits_or_misses,
    mean_interval,
    nearly_constant,
    paired_gain_interval,
    proportion_interval,
)
from shelfmind.evaluation.metrics import macro_top1, top_k
from shelfmind.evaluation.outcomes import Outcomes
from shelfmind.records import Predictions

RESAMPLES = 1000
_CHUNK_VALUES = 1_000_000


class Intervals(NamedTuple):
    """The intervals of the three main metrics, from the same resamples."""

    top1: Interval
    top5: Interval
    macro_top1: Interval


def bootstrap_intervals(outcomes: Outcomes, seed: int, resamples: int = RESAMPLES) -> Intervals:
    """Return 95% intervals: percentiles over `resamples` samples of N images with replacement, if N is large enough.

    The metrics depend on an image only through its class and whether it is a top-1 hit, a top-5 hit or neither. A
    resample is therefore one multinomial sample of counts over these cells: exactly the bootstrap, in time and memory
    independent of N. A class that a resample misses keeps its own recall in the macro mean. Dropping it would bias the
    mean towards large classes, and on long tails away from the estimate altogether.

    Resamples of few images, or of images that are nearly all correct or wrong, have hardly any spread. With up to 40
    images, or fewer than 5 hits or misses, accuracies use Wilson's interval instead. If any class has that few of
    either, the macro mean uses `intervals.class_mean_interval`, which otherwise agrees with the bootstrap. Top-5 of up
    to five classes is certain by definition.

    Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13.
    """
    grade = np.where(outcomes.within(1), 0, np.where(outcomes.within(5), 1, 2))
    counts = np.bincount(outcomes.labels * 3 + grade, minlength=outcomes.classes * 3).reshape(-1, 3)
    counts = counts[counts.sum(axis=1) > 0]
    figures = _resampled_figures(counts, np.random.default_rng(seed), resamples)
    points = (top_k(outcomes, 1), top_k(outcomes, 5), macro_top1(outcomes))
    resampled = Intervals(*(_interval(figures[:, i], point) for i, point in enumerate(points)))
    return _widen_degenerate(resampled, counts, outcomes)


def _widen_degenerate(resampled: Intervals, counts: Ints, outcomes: Outcomes) -> Intervals:
    """Replace intervals of resamples that are too narrow because of too few images."""
    images, right = counts.sum(axis=1), counts[:, 0]
    total, first, near = len(outcomes), int(counts[:, 0].sum()), int(counts[:, :2].sum())
    top1, top5, macro = resampled
    if few_hits_or_misses(first, total):
        top1 = proportion_interval(first, total)
    if outcomes.classes > 5 and few_hits_or_misses(near, total):
        top5 = proportion_interval(near, total)
    if few_hits_or_misses(first, total) or np.minimum(right, images - right).min() < FEW_HITS:
        macro = class_mean_interval(right, images)
    return Intervals(top1, top5, macro)


def hits(predictions: Predictions) -> Wide:
    """Return 1 where the top-1 prediction is correct, else 0, shape (N,)."""
    return np.asarray(predictions.probabilities.argmax(1) == predictions.labels, np.float64)


def hits_interval(found: Wide, seed: int = 0, resamples: int = RESAMPLES) -> Interval:
    """Return the 95% interval of the mean of `found` (N,), 1 for hits and 0 for misses; Wilson's for few of either."""
    right, images = int(found.sum()), len(found)
    if few_hits_or_misses(right, images):
        return proportion_interval(right, images)
    return _resampled_mean(found, seed, resamples)


def paired_interval(differences: Wide, seed: int = 0, resamples: int = RESAMPLES) -> Interval:
    """Return the 95% interval of the mean of `differences` (N,) between two results on the same images.

    It is a percentile bootstrap interval. With up to 40 images, or if all but fewer than 5 have the same difference,
    resamples hardly vary, so differences of hits (-1, 0 and 1) use `intervals.paired_gain_interval`. Others of up to 40
    images use Student's interval.
    """
    few = len(differences) <= FEW_IMAGES
    if np.isin(differences, (-1.0, 0.0, 1.0)).all():
        if few or nearly_constant(differences):
            return paired_gain_interval(differences)
    elif few:
        return mean_interval(differences)
    return _resampled_mean(differences, seed, resamples)


def _resampled_mean(numbers: Wide, seed: int, resamples: int) -> Interval:
    """Resample by one multinomial sample of the counts of distinct values; hits have two or three."""
    values, counts = np.unique(numbers, return_counts=True)
    rng, shares = np.random.default_rng(seed), counts / counts.sum()
    step = max(1, _CHUNK_VALUES // len(values))
    sizes = [min(step, resamples - start) for start in range(0, resamples, step)]
    resampled = np.concatenate([rng.multinomial(len(numbers), shares, size) @ values for size in sizes])
    return _interval(resampled / len(numbers), float(np.mean(numbers)))


def _resampled_figures(counts: Ints, rng: np.random.Generator, resamples: int) -> Wide:
    """Return top-1, top-5 and macro top-1 of each resample, (resamples, 3), from counts of shape (classes, grades)."""
    total = int(counts.sum())
    cells = np.flatnonzero(counts)
    shares = counts.ravel()[cells] / total
    own_recall = counts[:, 0] / counts.sum(axis=1)
    figures = np.zeros((resamples, 3))
    step = max(1, _CHUNK_VALUES // counts.size)
    for start in range(0, resamples, step):
        size = min(step, resamples - start)
        resampled = np.zeros((size, counts.size), np.int64)
        resampled[:, cells] = rng.multinomial(total, shares, size=size)
        resampled = resampled.reshape(size, *counts.shape)
        hits, images = resampled[:, :, 0], resampled.sum(axis=2)
        recall = np.divide(hits, images, out=np.tile(own_recall, (size, 1)), where=images > 0)
        chunk = figures[start : start + size]
        chunk[:, 0] = hits.sum(axis=1) / total
        chunk[:, 1] = resampled[:, :, :2].sum(axis=(1, 2)) / total
        chunk[:, 2] = recall.mean(axis=1)
    return figures


def _interval(figures: Wide, point: float) -> Interval:
    low, high = np.quantile(figures, [0.025, 0.975])
    return Interval(min(float(low), point), max(float(high), point))
