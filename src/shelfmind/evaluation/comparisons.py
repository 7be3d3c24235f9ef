"""Compare training runs over images and seeds, with a correction for multiple comparisons."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from shelfmind.arrays import Ints, Wide
from shelfmind.evaluation.bootstrap import paired_interval
from shelfmind.evaluation.intervals import (
    FEW_HITS,
    Z95,
    Interval,
    class_mean_gain_interval,
    nearly_constant,
    nearly_constant_interval,
    paired_gain_interval,
    too_few_images,
)

LEVEL = 0.05
"""Significance level: the accepted probability of claiming a difference that does not exist."""
PRIOR_ROWS = 2
"""Weight of the mean spread of comparable rows relative to a row's own, in rows."""
_MIN_ROWS = 3
"""Minimum number of comparisons for a mean spread."""
Verdict = Literal["better", "worse", "none"]


@dataclass(frozen=True)
class Comparison:
    """The difference of two results on the same images, in the unit of their scores.

    Its variance is that over images plus that over seeds, minus their common part (images and seeds are crossed, as
    cases and readers in Hillis, Statistics in Medicine 2007).

    Attributes:
        difference: the mean over images and seeds.
        ci95: its paired bootstrap interval over images, each image's mean over the seeds.
        by_seed: the difference of each seed that both have; empty where seeds cannot be paired.
        spread: their standard deviation, None for fewer than two.
        noise: variance of the difference from the interaction of images and seeds, which both of the above include.
        shares_runs: whether both results are of the same training runs, as with other test-time views. Such
            differences vary much less over seeds than those between separate runs.
    """

    difference: float
    ci95: Interval
    by_seed: tuple[float, ...]
    spread: float | None
    noise: float = 0.0
    shares_runs: bool = False

    @property
    def excludes_zero(self) -> bool:
        """Whether its interval over images excludes 0, without a correction for multiple comparisons."""
        return self.ci95.low > 0 or self.ci95.high < 0

    @property
    def variance_over_images(self) -> float:
        """The variance of the difference over images, from the interval."""
        return ((self.ci95.high - self.ci95.low) / (2 * Z95)) ** 2

    @property
    def variance_over_seeds(self) -> float | None:
        """The variance of the difference over seeds, from the spread; None if unknown."""
        return None if self.spread is None else self.spread**2 / len(self.by_seed)

    def variance(self, seed_variance: float) -> float:
        """The variance of the difference over images and seeds, if that over seeds is `seed_variance`."""
        return self.variance_over_images + max(0.0, seed_variance - self.noise)


def compare(
    scores: Wide, others: Wide, paired: bool = True, classes: Ints | None = None, shares_runs: bool = False
) -> Comparison:
    """Compare scores (S, N) of S seeds on N images with others on the same images; higher is better.

    With `paired`, the seeds are the same in the same order. Otherwise, as for an ensemble of all seeds, means over
    seeds are compared, and their spread is unknown. With `classes`, the label of each image (N,), the mean over the
    classes is compared (for hits: macro top-1), otherwise the mean over images.
    """
    by_image = scores.mean(axis=0) - others.mean(axis=0)
    interval = _interval(by_image) if classes is None else class_mean_gain_interval(by_image, classes)
    by_image = _contributions(by_image[None], classes)[0]
    difference = float(by_image.mean())
    if not paired:
        return Comparison(difference, interval, (), None)
    differences = _contributions(scores - others, classes)
    seeds, images = differences.shape
    by_seed = differences.mean(axis=1)
    if seeds < 2:
        return Comparison(difference, interval, tuple(by_seed.tolist()), None)
    rest = differences - by_seed[:, None] - by_image + difference
    noise = float((rest**2).sum()) / ((seeds - 1) * (images - 1)) / (seeds * images)
    spread = float(np.std(by_seed, ddof=1))
    return Comparison(difference, interval, tuple(by_seed.tolist()), spread, noise, shares_runs)


def _contributions(differences: Wide, classes: Ints | None) -> Wide:
    """Return the contribution of each image, (S, N), to the mean over classes: their mean, and to first order the
    variance that they have, are those of the mean over classes (Efron's infinitesimal jackknife, 1981).

    Without classes, these are the differences themselves.
    """
    if classes is None:
        return differences
    _, classes, images = np.unique(classes, return_inverse=True, return_counts=True)
    means = np.stack([np.bincount(classes, each) / images for each in differences])
    weights = len(classes) / len(images) / images
    return np.asarray(means.mean(axis=1)[:, None] + weights[classes] * (differences - means[:, classes]))


def p_values(comparisons: Sequence[Comparison]) -> list[float]:
    """Return the p-value of each comparison of a table: the probability of a difference at least this large with other
    images and seeds if there is none.

    The degrees of freedom of Student's distribution are Hillis's. For a single seed, the p-value covers images only.
    """
    return [_p_value(each, seeds) for each, seeds in zip(comparisons, _over_seeds(comparisons), strict=True)]


@dataclass(frozen=True)
class _OverSeeds:
    """An estimate of the variance of a difference over seeds, and its degrees of freedom."""

    variance: float
    freedom: int


def _over_seeds(comparisons: Sequence[Comparison]) -> list[_OverSeeds | None]:
    """Return the variance over seeds of each comparison of a table, None if unknown.

    The spread over few seeds is itself very noisy, so each one is shrunk towards the mean of the table's rows with
    separate runs, or of those that share runs, which counts for two rows (as in Smyth, Statistical Applications in
    Genetics and Molecular Biology 2004, there with an estimated weight).
    """
    known: dict[bool, list[float]] = {False: [], True: []}
    for each in comparisons:
        if each.variance_over_seeds is not None:
            known[each.shares_runs].append(each.variance_over_seeds)
    found: list[_OverSeeds | None] = []
    for each in comparisons:
        alike, own = known[each.shares_runs], each.variance_over_seeds
        prior = PRIOR_ROWS if len(alike) >= _MIN_ROWS else 0
        mean = float(np.mean(alike)) if prior else 0.0
        freedom = (len(each.by_seed) - 1) * (1 + prior)
        found.append(None if own is None else _OverSeeds((own + prior * mean) / (1 + prior), freedom))
    return found


def _p_value(comparison: Comparison, seeds: _OverSeeds | None) -> float:
    from scipy.stats import norm, t  # slow to import

    size = abs(comparison.difference)
    if size == 0:
        return 1.0
    total = comparison.variance(0.0 if seeds is None else seeds.variance)
    if seeds is None or seeds.variance == 0:
        return float(2 * norm.sf(size / math.sqrt(total)))
    return float(2 * t.sf(size / math.sqrt(total), seeds.freedom * (total / seeds.variance) ** 2))


def verdict_of(comparison: Comparison, adjusted: float, images: int) -> Verdict:
    """Return the verdict on a comparison with the adjusted p-value `adjusted`. There is none for too few images."""
    if adjusted >= LEVEL or not comparison.excludes_zero or too_few_images(images):
        return "none"
    return "better" if comparison.difference > 0 else "worse"


def expected_by_chance(comparisons: Sequence[Comparison]) -> float:
    """Return the expected number of 95% intervals of a table that exclude zero by chance if there are no differences.

    The intervals cover images only, so an interval excludes zero more often than at its level where training varies as
    well. For a single seed, only images are accounted for.
    """
    return sum(_exclusion(each, seeds) for each, seeds in zip(comparisons, _over_seeds(comparisons), strict=True))


def _exclusion(comparison: Comparison, seeds: _OverSeeds | None) -> float:
    """Return the probability that a difference without a cause exceeds the reach of its interval."""
    from scipy.stats import norm  # slow to import

    total = comparison.variance(0.0 if seeds is None else seeds.variance)
    reach = Z95 * math.sqrt(comparison.variance_over_images / total) if total else Z95
    return float(2 * norm.sf(reach))


def _interval(differences: Wide) -> Interval:
    """Return the interval over images.

    If few differ, resamples often miss them, so each counts as a whole hit. If nearly all differ by the same amount,
    resamples hardly vary, so two are added that differ otherwise.
    """
    if np.count_nonzero(differences) < FEW_HITS:
        signs = np.sign(differences)
        scale = max(1.0, float(np.abs(differences).max(initial=0.0)))
        wide, point = paired_gain_interval(signs), float(differences.mean())
        return Interval(min(point, wide.low * scale), max(point, wide.high * scale))
    if np.isin(differences, (-1.0, 0.0, 1.0)).all() or not nearly_constant(differences):
        return paired_interval(differences)
    return nearly_constant_interval(differences)
