"""Whether one training is better than another: over images, over seeds, and among many comparisons at once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from shelfmind.arrays import Ints, Wide
from shelfmind.evaluation.bootstrap import paired_interval
from shelfmind.evaluation.intervals import FEW_OF_A_KIND, Z95, Interval, paired_gain_interval, too_few_images

LEVEL = 0.05
"""How often a difference may be claimed where there is none."""
USUAL_ROWS = 2
"""How many rows the table's mean spread counts for beside a row's own."""
_LEAST_ROWS = 3
"""Comparisons that a mean spread is taken of, at least."""
Verdict = Literal["better", "worse", "none"]


@dataclass(frozen=True)
class Comparison:
    """What one result has before another on the same images, in the unit of their scores.

    Attributes:
        difference: the mean over images and seeds.
        ci95: its paired bootstrap interval over images, each image's mean over the seeds.
        by_seed: the difference of each seed that both have; empty where seeds cannot be paired.
        spread: standard deviation of these, None for fewer than two.
        noise: the variance of the difference that images and seeds make together, which both of the above have in them.
    """

    difference: float
    ci95: Interval
    by_seed: tuple[float, ...]
    spread: float | None
    noise: float = 0.0

    @property
    def excludes_zero(self) -> bool:
        """Whether its interval over images, looked at alone, does not hold 0."""
        return self.ci95.low > 0 or self.ci95.high < 0

    @property
    def variance_over_images(self) -> float:
        """Of the difference, as the interval has it."""
        return ((self.ci95.high - self.ci95.low) / (2 * Z95)) ** 2

    @property
    def variance_over_seeds(self) -> float | None:
        """Of the difference, as the spread has it; None if nothing is known of it."""
        return None if self.spread is None else self.spread**2 / len(self.by_seed)


def compare(scores: Wide, others: Wide, paired: bool = True) -> Comparison:
    """Compare scores (S, N) of N images by S seeds with others of the same images; more is better.

    With `paired` the seeds are the same in the same order. Otherwise, as for an ensemble of all seeds, means over
    seeds are compared, and nothing is known of how they would spread.
    """
    by_image = scores.mean(axis=0) - others.mean(axis=0)
    difference, interval = float(by_image.mean()), _interval(by_image)
    if not paired:
        return Comparison(difference, interval, (), None)
    differences = scores - others
    seeds, images = differences.shape
    by_seed = differences.mean(axis=1)
    if seeds < 2:
        return Comparison(difference, interval, tuple(by_seed.tolist()), None)
    rest = differences - by_seed[:, None] - by_image + difference
    noise = float((rest**2).sum()) / ((seeds - 1) * (images - 1)) / (seeds * images)
    return Comparison(difference, interval, tuple(by_seed.tolist()), float(np.std(by_seed, ddof=1)), noise)


def chances(comparisons: Sequence[Comparison]) -> list[float]:
    """How often each of the comparisons of one table, or a larger difference, comes of other images and other seeds
    where there is none.

    The variance of a difference is that over images and that over seeds, less what both have in them (images and seeds
    are crossed, as cases and readers in Hillis, Statistics in Medicine 2007, whose degrees of freedom Student's
    distribution takes). A spread over few seeds is itself mostly chance, so each is drawn to the table's mean, which
    counts for two rows (as in Smyth, Statistical Applications in Genetics and Molecular Biology 2004, there with an
    estimated weight). A single seed says nothing of others: its chance is that over images alone.
    """
    spreads = [each.variance_over_seeds for each in comparisons]
    known = [spread for spread in spreads if spread is not None]
    usual = float(np.mean(known)) if len(known) >= _LEAST_ROWS else None
    return [_chance(each, own, usual) for each, own in zip(comparisons, spreads, strict=True)]


def _chance(comparison: Comparison, own: float | None, usual: float | None) -> float:
    from scipy.stats import norm, t  # take longer to load than all the rest

    total, size = comparison.variance_over_images, abs(comparison.difference)
    if own is None or len(comparison.by_seed) < 2:
        return 1.0 if size == 0 else float(2 * norm.sf(size / math.sqrt(total)))
    freedom = len(comparison.by_seed) - 1
    of_seeds = own
    if usual is not None:
        of_seeds, freedom = (own + USUAL_ROWS * usual) / (1 + USUAL_ROWS), freedom * (1 + USUAL_ROWS)
    total += max(0.0, of_seeds - comparison.noise)
    if size == 0 or of_seeds == 0:
        return 1.0 if size == 0 else float(2 * norm.sf(size / math.sqrt(total)))
    return float(2 * t.sf(size / math.sqrt(total), freedom * (total / of_seeds) ** 2))


def verdict_of(comparison: Comparison, adjusted: float, images: int) -> Verdict:
    """What may be said of a comparison whose chance among all is `adjusted`: nothing over too few images."""
    if adjusted >= LEVEL or not comparison.excludes_zero or too_few_images(images):
        return "none"
    return "better" if comparison.difference > 0 else "worse"


def expected_by_chance(comparisons: int) -> float:
    """How many of so many 95% intervals exclude zero by chance where no difference is."""
    return LEVEL * comparisons


def class_mean_scores(hits: Wide, labels: Ints) -> Wide:
    """Hits (S, N) weighted so that their mean over images is the mean recall over classes: macro top-1."""
    images = np.bincount(labels)
    return np.asarray(hits * (len(labels) / np.count_nonzero(images) / images[labels]))


def _interval(differences: Wide) -> Interval:
    """Over images; where hardly any differ a resample often has none of them, so that each counts as a whole hit."""
    if np.count_nonzero(differences) < FEW_OF_A_KIND:
        signs = np.sign(differences)
        scale = max(1.0, float(np.abs(differences).max(initial=0.0)))
        wide, point = paired_gain_interval(signs), float(differences.mean())
        return Interval(min(point, wide.low * scale), max(point, wide.high * scale))
    return paired_interval(differences)
