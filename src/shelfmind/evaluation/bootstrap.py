"""How far the figures could move with other photos of the same kind: percentile bootstrap intervals over images."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from shelfmind.evaluation.metrics import macro_top1, top_k
from shelfmind.evaluation.outcomes import Floats, Ints, Outcomes
from shelfmind.records import Predictions

RESAMPLES = 1000
_CHUNK_VALUES = 1_000_000


class Interval(NamedTuple):
    """A 95% interval, both ends fractions."""

    low: float
    high: float


class Intervals(NamedTuple):
    """The intervals of the three headline figures, from the same resamples."""

    top1: Interval
    top5: Interval
    macro_top1: Interval


def bootstrap_intervals(outcomes: Outcomes, seed: int, resamples: int = RESAMPLES) -> Intervals:
    """95% percentile intervals from `resamples` draws of N images with replacement.

    The figures depend on an image only through its class and whether it was a top-1 hit, a top-5 hit or neither, so a
    resample is one multinomial draw of counts over those cells: exactly the bootstrap, in time and memory that do not
    grow with N. A class that a resample misses keeps its own recall in the macro mean: dropping it would pull the mean
    towards large classes, and on long tails off the estimate altogether. A class of one image thus adds no spread.

    Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13.
    """
    grade = np.where(outcomes.within(1), 0, np.where(outcomes.within(5), 1, 2))
    counts = np.bincount(outcomes.labels * 3 + grade, minlength=outcomes.classes * 3).reshape(-1, 3)
    counts = counts[counts.sum(axis=1) > 0]
    figures = _resampled_figures(counts, np.random.default_rng(seed), resamples)
    points = (top_k(outcomes, 1), top_k(outcomes, 5), macro_top1(outcomes))
    return Intervals(*(_interval(figures[:, i], point) for i, point in enumerate(points)))


def hits(predictions: Predictions) -> Floats:
    """1 where the first guess is the truth, else 0, shape (N,)."""
    return np.asarray(predictions.probabilities.argmax(1) == predictions.labels, np.float64)


def paired_interval(differences: Floats, seed: int = 0, resamples: int = RESAMPLES) -> Interval:
    """The 95% percentile interval of the mean of `differences` (N,) between two results on the same images.

    A resample is one multinomial draw of the counts of the values that occur: of hits there are three.
    """
    values, counts = np.unique(differences, return_counts=True)
    drawn = np.random.default_rng(seed).multinomial(len(differences), counts / counts.sum(), resamples)
    return _interval(drawn @ values / len(differences), float(np.mean(differences)))


def _resampled_figures(counts: Ints, rng: np.random.Generator, resamples: int) -> Floats:
    """Top-1, top-5 and macro top-1 of each resample, shape (resamples, 3), from counts of shape (classes, grades)."""
    total = int(counts.sum())
    cells = np.flatnonzero(counts)
    chances = counts.ravel()[cells] / total
    own_recall = counts[:, 0] / counts.sum(axis=1)
    figures = np.zeros((resamples, 3))
    step = max(1, _CHUNK_VALUES // counts.size)
    for start in range(0, resamples, step):
        size = min(step, resamples - start)
        drawn = np.zeros((size, counts.size), np.int64)
        drawn[:, cells] = rng.multinomial(total, chances, size=size)
        drawn = drawn.reshape(size, *counts.shape)
        hits, images = drawn[:, :, 0], drawn.sum(axis=2)
        recall = np.divide(hits, images, out=np.tile(own_recall, (size, 1)), where=images > 0)
        chunk = figures[start : start + size]
        chunk[:, 0] = hits.sum(axis=1) / total
        chunk[:, 1] = drawn[:, :, :2].sum(axis=(1, 2)) / total
        chunk[:, 2] = recall.mean(axis=1)
    return figures


def _interval(figures: Floats, point: float) -> Interval:
    low, high = np.quantile(figures, [0.025, 0.975])
    return Interval(min(float(low), point), max(float(high), point))
