"""Class sizes with RP2K's long tail, and the split of each photo."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from shelfmind.arrays import Ints
from shelfmind.shelf_generator.designs import Design
from shelfmind.shelf_generator.proportions import SHARES, bucket_of
from shelfmind.shelf_generator.settings import Settings

SPREAD, BEND = 1.4, -0.07
"""The logarithm of a class's size over its normal quantile z: SPREAD * z + BEND * z**2.

Fitted to RP2K: with 2,387 classes and 335,254 training images, the largest class has 3,713 (RP2K about 3,700), 80% have
fewer than 200, and at RP2K's share of test images 347 classes have one test image (RP2K 335), with a median of 7 (RP2K
5).
"""


def class_counts(products: Sequence[Design], settings: Settings) -> Ints:
    """Photos of each class in the order of `products`, then of "others" if it exists; the sum is `images`.

    Large classes are assigned to products of under-represented proportions, so that the photos' histogram follows
    RP2K's.
    """
    least = settings.least_images
    others = 0
    if settings.products < settings.classes:
        others = max(least, round(settings.others_share * settings.images))
        others = min(others, settings.images - least * settings.products)
    sizes = tail_sizes(len(products), settings.images - others, settings.tail, least)
    counts = _by_proportions(sizes, np.array([design.ratio for design in products]), settings.seed)
    return np.append(counts, others) if others else counts


def tail_sizes(classes: int, images: int, tail: float, least: int) -> Ints:
    """Class sizes in descending order, each at least `least`, `images` in total; `tail` 0 gives equal sizes."""
    normal = NormalDist()
    z = np.array([normal.inv_cdf((rank + 0.5) / classes) for rank in range(classes)])[::-1]
    weights = np.exp(tail * (SPREAD * z + BEND * z * z))
    exact = images * weights / weights.sum()
    for _ in range(classes):  # photos added to reach the minimum are taken from the other classes
        small = exact <= least
        room = images - least * int(small.sum())
        lifted = np.where(small, least, exact * room / max(float(exact[~small].sum()), 1e-9))
        if np.allclose(lifted, exact):
            break
        exact = lifted
    sizes = np.maximum(np.floor(exact + 1e-9).astype(np.int64), least)
    sizes[np.argsort(sizes - exact, kind="stable")[: images - int(sizes.sum())]] += 1
    return np.asarray(np.sort(sizes)[::-1], np.int64)


def split_of_each(counts: Ints, settings: Settings) -> npt.NDArray[np.str_]:
    """The split of every photo, class by class, in random order within each class.

    Each class has its share of test and val photos, rounded, at least one of each, and at least one in train.
    """
    rng = np.random.default_rng([settings.seed, 4])
    parts = []
    for count in counts.tolist():
        test = _share(count, settings.test_fraction)
        val = _share(count, settings.val_fraction)
        test = min(test, count - 1 - (val > 0))
        val = min(val, count - 1 - test)
        names = np.array(["test"] * test + ["val"] * val + ["train"] * (count - test - val), "<U5")
        parts.append(rng.permutation(names))
    return np.concatenate(parts)


def _share(count: int, fraction: float) -> int:
    return max(1, round(fraction * count)) if fraction else 0


def _by_proportions(sizes: Ints, ratios: npt.NDArray[np.float64], seed: int) -> Ints:
    """Assign each size, in descending order, to a product from the bin of proportions that lacks the most photos."""
    buckets = bucket_of(ratios)
    order = np.random.default_rng([seed, 2]).permutation(len(ratios))
    waiting = [[int(i) for i in order if buckets[i] == bucket] for bucket in range(len(SHARES))]
    missing = SHARES * sizes.sum()
    counts = np.zeros(len(ratios), np.int64)
    for size in sizes.tolist():
        bucket = max((b for b in range(len(waiting)) if waiting[b]), key=lambda b: missing[b])
        counts[waiting[bucket].pop()] = size
        missing[bucket] -= size
    return counts
