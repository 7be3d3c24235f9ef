"""95% intervals for few images, for which the bootstrap fails: of a proportion, a mean over classes, or a gain."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from shelfmind.arrays import Ints, Wide
from shelfmind.nouns import counted

MIN_IMAGES = 10
"""Minimum number of images for a metric. With fewer, a 95% Wilson interval is at least 30 points wide."""
FEW_IMAGES = 40
"""Up to this number of images, Brown, Cai and DasGupta ("Interval Estimation for a Binomial Proportion", Statistical
Science 2001) recommend Wilson's interval."""
FEW_HITS = 5
"""With fewer hits, misses or images of a class, resamples often have none of them: the usual rule that n p and
n (1 - p) be at least 5."""
Z95 = 1.959963984540054
_PSEUDO_IMAGES = 4.0


class Interval(NamedTuple):
    """A 95% interval, both ends fractions."""

    low: float
    high: float


def too_few_images(images: int) -> bool:
    """Whether a metric over this number of images is meaningless."""
    return images < MIN_IMAGES


def caveat_of_gain(interval: Interval, images: int) -> str | None:
    """Return the reason why a gain measured on this number of images may not be real; None for a significant one."""
    if too_few_images(images):
        return f"{counted(images, 'image is', 'images are')} too few to measure it"
    if interval.low <= 0:
        return "its 95% interval does not lie above 0, so it may be due to chance"
    return None


def few_hits_or_misses(right: int, images: int) -> bool:
    """Whether the bootstrap of a proportion is unreliable: few images, or nearly all of them correct or wrong."""
    return images <= FEW_IMAGES or min(right, images - right) < FEW_HITS


def nearly_constant(values: Wide) -> bool:
    """Whether fewer than `FEW_HITS` of the values (N,) differ from all others, so that resamples hardly vary."""
    most = int(np.unique(values, return_counts=True)[1].max())
    return len(values) - most < FEW_HITS <= most


def wilson_interval(share: float, images: float) -> Interval:
    """Return Wilson's score interval of a proportion `share` of `images`, which may be an effective number.

    Wilson, "Probable Inference, the Law of Succession, and Statistical Inference", JASA 1927.
    """
    weight = images / (images + Z95**2)
    middle = weight * share + (1 - weight) / 2
    half = Z95 * math.sqrt(share * (1 - share) / images + Z95**2 / (4 * images**2)) * weight
    return Interval(max(0.0, min(share, middle - half)), min(1.0, max(share, middle + half)))


def proportion_interval(right: int, images: int) -> Interval:
    """Return Wilson's interval of `right` among `images`."""
    return wilson_interval(right / images, images)


def class_mean_interval(right: Ints, images: Ints) -> Interval:
    """Return the interval of the mean recall over non-empty classes, from their hits and images, shape (classes,).

    It is Wilson's interval at the effective number of images: the one at which a simple proportion has the variance of
    this mean over strata (Korn and Graubard, "Confidence Intervals for Proportions with Small Expected Number of
    Positive Counts Estimated from Survey Data", Survey Methodology 1998). To estimate that variance, each class gets
    four extra images with the overall recall, as in Agresti and Coull (1998), because a class of one image has no
    spread itself. In simulations, from ten classes of one image to 300 of one to seven, its coverage is 93% to 100%.
    """
    recalls = right / images
    overall = (float(recalls.mean()) * images.sum() + 2) / (images.sum() + 4)
    shrunk = (right + _PSEUDO_IMAGES * overall) / (images + _PSEUDO_IMAGES)
    variance = float((shrunk * (1 - shrunk) / images).sum()) / len(images) ** 2
    typical = float(shrunk.mean())
    return wilson_interval(float(recalls.mean()), typical * (1 - typical) / variance)


def paired_gain_interval(differences: Wide) -> Interval:
    """Return the interval of the mean of `differences` (N,) of -1, 0 and 1 between two results on the same images.

    It is Wald's interval after adding one image that only the first result got right and one that only the second did:
    Bonett and Price, "Adjusted Wald Confidence Interval for a Difference of Binomial Proportions Based on Paired Data",
    Journal of Educational and Behavioral Statistics 2012.
    """
    total = len(differences)
    gained, lost = (int((differences > 0).sum()) + 1) / (total + 2), (int((differences < 0).sum()) + 1) / (total + 2)
    half = Z95 * math.sqrt((gained + lost - (gained - lost) ** 2) / (total + 2))
    point = float(np.mean(differences))
    return Interval(max(-1.0, min(point, gained - lost - half)), min(1.0, max(point, gained - lost + half)))


def class_mean_gain_interval(differences: Wide, classes: Ints) -> Interval:
    """Return the interval of the mean over non-empty classes of the mean difference of their images, (N,) both.

    The variance is that over strata, without a resampling of the number of images of a class. As in
    `class_mean_interval`, each class gets four extra images, here with the mean and the mean square of all, because a
    class of one image has no spread itself; and the mean square includes one image that only the first result got
    right and one that only the second did, as in `paired_gain_interval`.
    """
    _, classes, images = np.unique(classes, return_inverse=True, return_counts=True)
    sums, squares = np.bincount(classes, differences), np.bincount(classes, differences**2)
    point, most = float((sums / images).mean()), max(1.0, float(np.abs(differences).max()))
    square = (float(squares.sum()) + 2 * most**2) / (len(differences) + 2)
    overall = point * len(differences) / (len(differences) + 2)
    means = (sums + _PSEUDO_IMAGES * overall) / (images + _PSEUDO_IMAGES)
    variances = (squares + _PSEUDO_IMAGES * max(square, overall**2)) / (images + _PSEUDO_IMAGES) - means**2
    variances /= 1 - images / (images + _PSEUDO_IMAGES) ** 2  # less biased: an image counts in its own class's mean
    half = Z95 * math.sqrt(float((variances / images).sum())) / len(images)
    return Interval(point - half, point + half)


def nearly_constant_interval(differences: Wide) -> Interval:
    """Return the interval of the mean of differences (N,) that are nearly all the same, in any unit.

    As in `paired_gain_interval`, two images are added, with the largest difference in either direction, at least 1.
    """
    most = max(1.0, float(np.abs(differences).max()))
    widened = np.append(differences, [most, -most])
    half, middle = Z95 * float(widened.std()) / math.sqrt(len(widened)), float(widened.mean())
    point = float(np.mean(differences))
    return Interval(min(point, middle - half), max(point, middle + half))


def mean_interval(values: Wide) -> Interval:
    """Return Student's interval of the mean of few values, shape (N,); infinite for a single value."""
    from scipy.stats import t  # slow to import

    if len(values) < 2:
        return Interval(-math.inf, math.inf)
    half = float(t.ppf(0.975, len(values) - 1)) * float(np.std(values, ddof=1)) / math.sqrt(len(values))
    point = float(np.mean(values))
    return Interval(point - half, point + half)
