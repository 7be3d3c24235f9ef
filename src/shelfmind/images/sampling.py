"""How often each training image is drawn in an epoch, so that rare classes need not be rare in training."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from shelfmind.arrays import Ints, Wide


def instance(counts: Ints, threshold: float) -> Wide:
    """Every image alike."""
    return np.ones(len(counts))


def class_balanced(counts: Ints, threshold: float) -> Wide:
    """Every class alike (Kang et al., ICLR 2020, section 3.2, q = 0)."""
    return np.asarray(1.0 / np.maximum(counts, 1))


def square_root(counts: Ints, threshold: float) -> Wide:
    """Every class in proportion to the square root of its images (Kang et al., ICLR 2020, section 3.2, q = 1/2)."""
    return np.asarray(1.0 / np.sqrt(np.maximum(counts, 1)))


def repeat_factor(counts: Ints, threshold: float) -> Wide:
    """max(1, sqrt(threshold / share of the images)) times for a class (Gupta et al., "LVIS", CVPR 2019, appendix B)."""
    shares = np.maximum(counts, 1) / max(1, counts.sum())
    return np.asarray(np.maximum(1.0, np.sqrt(threshold / shares)))


SAMPLERS: dict[str, Callable[[Ints, float], Wide]] = {
    "instance": instance,
    "class": class_balanced,
    "square_root": square_root,
    "repeat_factor": repeat_factor,
}
"""By name: images of each class, shape (C,), and the threshold to the weight of one image of each class, shape (C,)."""


def epoch_order(labels: Ints, classes: int, sampling: str, threshold: float, generator: np.random.Generator) -> Ints:
    """The images of an epoch, as many as there are labels, by position and in random order.

    Each image comes as often as its weight says, rounded up or down at random but evenly (systematic resampling): of an
    expected 2.3 times it comes 2 or 3 times, 2.3 on average. With `instance` that is once.
    """
    if sampling == "instance":
        return generator.permutation(len(labels))
    counts = np.bincount(labels, minlength=classes).astype(np.int64)
    weights = SAMPLERS[sampling](counts, threshold)[labels]
    shuffled = generator.permutation(len(labels))  # so that rounding favours no class
    ends = np.cumsum(weights[shuffled])
    ends *= len(labels) / ends[-1]
    marks = np.arange(len(labels)) + generator.random()
    drawn = shuffled[np.minimum(np.searchsorted(ends, marks), len(labels) - 1)]
    return generator.permutation(drawn)
