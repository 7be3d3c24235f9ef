"""Class-balanced sampling of training images, and composition of batches."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from shelfmind.arrays import Ints, Wide
from shelfmind.recipe import TrainRecipe


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
    lots = _Lots(_shares(np.array([len(each) for each in own]), len(order) // batch_size * groups, generator))
    next_position = np.zeros(classes, np.int64)
    batches = []
    while lots.total:
        chosen = lots.draw(groups, generator)
        while len(chosen) < groups:
            chosen = np.append(chosen, lots.draw_again(generator))
        positions = next_position[chosen, None] + np.arange(per_class)
        batch = [own[label][row % len(own[label])] for label, row in zip(chosen, positions, strict=True)]
        next_position[chosen] += per_class
        batches.append(np.concatenate(batch)[:batch_size])
    return np.concatenate(batches) if batches else order[:0]


def full_batch(batch_size: int, images: int, processes: int) -> int:
    """The images of a batch of all processes: as many as asked for, or as can be divided equally if there are fewer."""
    return min(batch_size, images // processes * processes)


def batch_order(
    labels: Ints, classes: int, train: TrainRecipe, batch_size: int, generator: np.random.Generator
) -> Ints:
    """The images of an epoch by position, batch by batch, as the recipe samples and groups them. Images after the last
    full batch may follow."""
    order = epoch_order(labels, classes, train.sampling, train.repeat_threshold, generator)
    if train.images_per_class > 1:
        return in_class_batches(order, labels, classes, batch_size, train.images_per_class, generator)
    return order


def part_of_batches(order: Ints, batch_size: int, rank: int, processes: int) -> Ints:
    """The part of a process: consecutive images of each of the full batches in `order`."""
    return order.reshape(-1, processes, batch_size // processes)[:, rank].reshape(-1)


class _Lots:
    """The lots of each class, (C,). A draw takes a few blocks of classes instead of all.

    The same generator gives the same classes as `choice` with the classes' shares as probabilities. That sums them up
    in double precision; it is done here only where the rounding errors of the sum could decide.
    """

    def __init__(self, lots: Ints) -> None:
        self._size = math.isqrt(len(lots)) + 1
        self._blocks = np.zeros((-(-len(lots) // self._size), self._size), np.int64)
        self._lots = self._blocks.reshape(-1)
        self._lots[: len(lots)] = lots
        self._sums = self._blocks.sum(axis=1)
        self._present = np.count_nonzero(lots)
        self._error = (len(self._lots) + 4) * np.finfo(np.float64).eps
        self.total = int(lots.sum())

    def draw(self, most: int, generator: np.random.Generator) -> Ints:
        """Take a lot of each of up to `most` classes, drawn in proportion to their lots."""
        number = min(most, self._present)
        chosen = np.zeros(0, np.int64)
        while len(chosen) < number:
            found = self._at(generator.random(number - len(chosen)), chosen)
            _, first = np.unique(found, return_index=True)
            chosen = np.append(chosen, found[np.sort(first)])
        self._take(chosen)
        return chosen

    def draw_again(self, generator: np.random.Generator) -> int:
        """Take a lot of one of the classes, all as likely."""
        chosen = int(generator.choice(np.flatnonzero(self._lots)))
        self._take(np.array([chosen]))
        return chosen

    def _take(self, chosen: Ints) -> None:
        self._change(chosen, self._lots[chosen] - 1)
        self._present -= np.count_nonzero(self._lots[chosen] == 0)
        self.total -= len(chosen)

    def _change(self, classes: Ints, lots: Ints) -> None:
        self._lots[classes] = lots
        blocks = classes // self._size
        self._sums[blocks] = self._blocks[blocks].sum(axis=1)

    def _at(self, shares: Wide, without: Ints) -> Ints:
        """The classes at these shares of all lots in class order, as if those in `without` had none."""
        if len(without):
            kept = self._lots[without]
            self._change(without, np.zeros_like(kept))
            found = self._at(shares, without[:0])
            self._change(without, kept)
            return found
        ends = self._sums.cumsum()
        places = shares * ends[-1]
        if (np.abs(places - np.rint(places)) <= self._error * ends[-1]).any():
            sums = np.cumsum(self._lots / self.total)
            return np.searchsorted(sums / sums[-1], shares, side="right")
        lots = places.astype(np.int64)
        blocks = ends.searchsorted(lots, side="right")
        inside = lots - ends[blocks] + self._sums[blocks]
        return np.asarray(blocks * self._size + (self._blocks[blocks].cumsum(1) <= inside[:, None]).sum(1), np.int64)


def _shares(counts: Ints, total: int, generator: np.random.Generator) -> Ints:
    """Integers that add up to `total`, in proportion to `counts`, (C,), each rounded up or down at random."""
    so_far = np.cumsum(counts)
    marks = np.floor(so_far * (total / so_far[-1]) + generator.random())
    marks[so_far == so_far[-1]] = total
    return np.asarray(np.diff(marks, prepend=0), np.int64)
