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
Verdict = Literal["better", "worse", "none"]


@dataclass(frozen=True)
class Comparison:
    """What one result has before another on the same images, in the unit of their scores.

    Attributes:
        difference: the mean over images and seeds.
        ci95: its paired bootstrap interval over images, each image's mean over the seeds.
        by_seed: the difference of each seed that both have; empty where seeds cannot be paired.
        spread: standard deviation of these, None for fewer than two.
        chance: how often so large a difference, or a larger one, comes of other images and other seeds where there is
            none.
    """

    difference: float
    ci95: Interval
    by_seed: tuple[float, ...]
    spread: float | None
    chance: float

    @property
    def excludes_zero(self) -> bool:
        """Whether its interval over images, looked at alone, does not hold 0."""
        return self.ci95.low > 0 or self.ci95.high < 0


def compare(scores: Wide, others: Wide, paired: bool = True) -> Comparison:
    """Compare scores (S, N) of N images by S seeds with others of the same images; more is better.

    With `paired` the seeds are the same in the same order. Otherwise, as for an ensemble of all seeds, means over
    seeds are compared, and nothing is known of how they would spread.

    `chance` takes both sources of error together: the variance over images, as the interval has it, and that of the
    mean over seeds, by Student's distribution with Welch and Satterthwaite's degrees of freedom (Satterthwaite,
    Biometrics Bulletin 1946). A single seed says nothing of others: its chance is that over images alone.
    """
    by_image = scores.mean(axis=0) - others.mean(axis=0)
    interval = _interval(by_image)
    by_seed = tuple(float(each) for each in (scores - others).mean(axis=1)) if paired else ()
    spread = float(np.std(by_seed, ddof=1)) if len(by_seed) > 1 else None
    difference = float(by_image.mean())
    return Comparison(difference, interval, by_seed, spread, _chance(difference, interval, spread, len(by_seed)))


def holm(chances: Sequence[float]) -> list[float]:
    """The chances of several comparisons, adjusted so that with probability 0.95 none below 0.05 is false, whatever
    they have in common.

    Holm, "A Simple Sequentially Rejective Multiple Test Procedure", Scandinavian Journal of Statistics 1979.
    """
    adjusted = [1.0] * len(chances)
    reached = 0.0
    for place, index in enumerate(sorted(range(len(chances)), key=chances.__getitem__)):
        reached = max(reached, min(1.0, chances[index] * (len(chances) - place)))
        adjusted[index] = reached
    return adjusted


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


def _chance(difference: float, interval: Interval, spread: float | None, seeds: int) -> float:
    from scipy.stats import t  # takes longer to load than all the rest

    of_images = ((interval.high - interval.low) / (2 * Z95)) ** 2
    of_seeds = 0.0 if spread is None else spread**2 / seeds
    if of_images + of_seeds == 0:
        return 1.0 if difference == 0 else 0.0
    freedom = math.inf if of_seeds == 0 else (of_images + of_seeds) ** 2 / (of_seeds**2 / (seeds - 1))
    return float(2 * t.sf(abs(difference) / math.sqrt(of_images + of_seeds), freedom))
