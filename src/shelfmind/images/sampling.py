"""Class-balanced sampling of training images, and composition of batches."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from shelfmind.arrays import Ints, Wide


def instance(counts: Ints, threshold: float) -> Wide:
    """Equal weight for every image."""
    return np.ones(len(counts))


def class_balanced(counts: Ints, threshold: float) -> Wide:
    """Equal weight for every class (Kang et al., ICLR 2020, section 3.2, q = 0)."""
    return np.asarray(1.0 / np.maximum(counts, 1))


def square_root(counts: Ints, threshold: float) -> Wide:
    """Class weights proportional to the square root of the class size (Kang et al., ICLR 2020, section 3.2, q =
    1/2)."""
    return np.asarray(1.0 / np.sqrt(np.maximum(counts, 1)))


def repeat_factor(counts: Ints, threshold: float) -> Wide:
    """Repeat factors max(1, sqrt(threshold / share of the images)) of classes (Gupta et al., "LVIS", CVPR 2019,
    appendix B)."""
    shares = np.maximum(counts, 1) / max(1, counts.sum())
    return np.asarray(np.maximum(1.0, np.sqrt(threshold / shares)))


SAMPLERS: dict[str, Callable[[Ints, float], Wide]] = {
    "instance": instance,
    "class": class_balanced,
    "square_root": square_root,
    "repeat_factor": repeat_factor,
}
"""By name: maps the images of each class, shape (C,), and the threshold to the weight of one image of each class, shape
(C,)."""


def epoch_order(labels: Ints, classes: int, sampling: str, threshold: float, generator: np.random.Generator) -> Ints:
    """The images of an epoch, as many as there are labels, by position and in random order.

    Each image occurs as often as its weight specifies, rounded by systematic resampling: an expected count of 2.3
    becomes 2 or 3, on average 2.3. With `instance` each occurs once.
    """
    if sampling == "instance":
        return generator.permutation(len(labels))
    counts = np.bincount(labels, minlength=classes).astype(np.int64)
    weights = SAMPLERS[sampling](counts, threshold)[labels]
    shuffled = generator.permutation(len(labels))  # so that rounding is unbiased
    ends = np.cumsum(weights[shuffled])
    ends *= len(labels) / ends[-1]
    marks = np.arange(len(labels)) + generator.random()
    sampled = shuffled[np.minimum(np.searchsorted(ends, marks), len(labels) - 1)]
    return generator.permutation(sampled)


def in_class_batches(
    order: Ints, labels: Ints, classes: int, batch_size: int, per_class: int, generator: np.random.Generator
) -> Ints:
    """An epoch's order (N,) as N // batch_size batches of `per_class` images of each of a few classes (Hermans et al.,
    "In Defense of the Triplet Loss for Person Re-Identification", 2017, section 2).

    A class occurs in proportion to its images in `order`, rounded at random, and twice in a batch only if there are too
    few others left. Its images are used in order, starting again from the first when they run out.
    """
    ordered_labels = labels[order]
    by_class = order[np.argsort(ordered_labels, kind="stable")]
    own = np.split(by_class, np.cumsum(np.bincount(ordered_labels, minlength=classes))[:-1])
    groups = -(-batch_size // per_class)
    left = _shares(np.array([len(each) for each in own]), len(order) // batch_size * groups, generator)
    next_position = np.zeros(classes, np.int64)
    batches = []
    while left.any():
        present = np.count_nonzero(left)
        chosen = generator.choice(classes, min(groups, present), replace=False, p=left / left.sum())
        left[chosen] -= 1
        while len(chosen) < groups:
            again = int(generator.choice(np.flatnonzero(left)))
            left[again] -= 1
            chosen = np.append(chosen, again)
        positions = next_position[chosen, None] + np.arange(per_class)
        batch = [own[label][row % len(own[label])] for label, row in zip(chosen, positions, strict=True)]
        next_position[chosen] += per_class
        batches.append(np.concatenate(batch)[:batch_size])
    return np.concatenate(batches) if batches else order[:0]


def _shares(counts: Ints, total: int, generator: np.random.Generator) -> Ints:
    """Integers that add up to `total`, in proportion to `counts`, (C,), each rounded up or down at random."""
    so_far = np.cumsum(counts)
    marks = np.floor(so_far * (total / so_far[-1]) + generator.random())
    marks[so_far == so_far[-1]] = total
    return np.asarray(np.diff(marks, prepend=0), np.int64)
