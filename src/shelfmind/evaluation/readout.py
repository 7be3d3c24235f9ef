"""Evaluation of embeddings before fine-tuning: k nearest neighbours and linear probe."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import LogisticRegression

from shelfmind.arrays import Floats, Ints
from shelfmind.evaluation.bootstrap import hits_interval
from shelfmind.evaluation.intervals import Interval, too_few_images
from shelfmind.evaluation.matrix_rows import row_chunks, unit_rows
from shelfmind.nouns import counted

NEIGHBOURS, TEMPERATURE = 20, 0.07
STRENGTHS = (0.1, 1.0, 10.0)
PROBE_VALUES = 2**26
"""Bound of images times classes in a fit of the linear probe.

Such a fit holds two float32 arrays of this size, 0.5 GiB. Measured, an iteration takes 1.5 s of a core with 64 values
per embedding and 4 s with 512. Each of the four fits usually needs 10 to 100 iterations: together they take minutes.
"""
_CHUNK_VALUES = 20_000_000


@dataclass(frozen=True, slots=True)
class Readout:
    """Top-1 on held-out images by weighted k nearest neighbours and a linear probe, with 95% intervals over images.

    The linear probe is fitted on `linear_train_images` of the `train_images`. If these are not all, `linear_note` says
    why. With very many classes there is no probe: its top-1 and interval are None.
    """

    knn_top1: float
    knn_top1_ci95: Interval
    linear_top1: float | None
    linear_top1_ci95: Interval | None
    images: int
    train_images: int
    too_few_images: bool
    linear_train_images: int
    linear_note: str | None


def evaluate_embeddings(train: Floats, train_labels: Ints, held_out: Floats, labels: Ints) -> Readout:
    """Evaluate embeddings (N, D) of training images on held-out ones (M, D)."""
    knn = (knn_labels(train, train_labels, held_out) == labels).astype(np.float64)
    probed, note = probed_images(train_labels)
    linear = None
    if len(probed):
        found = linear_probe_labels(train[probed], train_labels[probed], held_out)
        linear = (found == labels).astype(np.float64)
    return Readout(
        float(knn.mean()),
        hits_interval(knn),
        None if linear is None else float(linear.mean()),
        None if linear is None else hits_interval(linear),
        len(labels),
        len(train_labels),
        too_few_images(len(labels)),
        len(probed),
        note,
    )


def probed_images(labels: Ints) -> tuple[Ints, str | None]:
    """Return the indices of the training images that a linear probe is fitted on, and why they are not all.

    They are all up to `PROBE_VALUES` images times classes, and a sample of each class beyond. If even one image of each
    class is too many, there are none.
    """
    total, classes = len(labels), len(np.unique(labels))
    most = PROBE_VALUES // classes
    if most < classes:
        return np.arange(0), f"left out: {counted(classes, 'class', 'classes')} are too many for it"
    if total <= most:
        return np.arange(total), None
    sample = sample_of_classes(labels, most)
    return sample, f"fitted on a sample of each class, {len(sample):,} of {counted(total, 'training image')}"


def sample_of_classes(labels: Ints, images: int) -> Ints:
    """Return the ascending indices of at most `images` images, at least one of each class, evenly spaced in each.

    Their number grows with the square root of the class size. In simulations of long tails, probes on such a sample are
    nearly always better than on equal numbers, which hide how frequent classes are, or on equal shares, which leave too
    few images of rare classes.
    """
    _, codes, counts = np.unique(labels, return_inverse=True, return_counts=True)
    roots = np.sqrt(counts)

    def sizes(hundredths: int) -> Ints:
        return np.minimum(counts, np.maximum(1, (hundredths * roots / 100).astype(np.int64)))

    steps = range(int(100 * roots.max()) + 2)
    kept = sizes(bisect_right(steps, images, key=lambda step: int(sizes(step).sum())) - 1)
    order = np.argsort(codes, kind="stable")
    place = np.empty(len(labels), np.int64)
    place[order] = np.arange(len(labels)) - np.repeat(np.cumsum(counts) - counts, counts)
    ends = [(place + shift) * kept[codes] // counts[codes] for shift in (0, 1)]
    return np.flatnonzero(ends[0] < ends[1])


def knn_labels(train: Floats, train_labels: Ints, held_out: Floats, neighbours: int = NEIGHBOURS) -> Ints:
    """Return the class with the most votes of the nearest training images, weighted by exp(cosine / 0.07) (Wu et al.,
    CVPR 2018, section 3.4)."""
    train, held_out = unit_rows(train), unit_rows(held_out)
    classes = int(train_labels.max()) + 1
    neighbours = min(neighbours, len(train))
    found = np.zeros(len(held_out), np.int64)
    for rows in row_chunks(len(held_out), len(train), _CHUNK_VALUES):
        cosines = held_out[rows] @ train.T
        nearest = np.argpartition(-cosines, neighbours - 1, axis=1)[:, :neighbours]
        votes = np.zeros((len(cosines), classes))
        weights = np.exp((np.take_along_axis(cosines, nearest, 1) - 1) / TEMPERATURE)
        np.add.at(votes, (np.arange(len(cosines))[:, None], train_labels[nearest]), weights)
        found[rows] = votes.argmax(1)
    return found


def linear_probe_labels(train: Floats, train_labels: Ints, held_out: Floats) -> Ints:
    """Return predictions of a logistic regression on training embeddings, its penalty selected on a fifth of them."""
    order = np.random.default_rng(0).permutation(len(train))
    cut = max(1, len(train) // 5)
    inner, chosen = order[:cut], order[cut:]
    mean, deviation = train.mean(0), train.std(0) + 1e-6

    def fitted(rows: Ints, strength: float) -> LogisticRegression:
        return LogisticRegression(C=strength, max_iter=1000).fit((train[rows] - mean) / deviation, train_labels[rows])

    def score(strength: float) -> float:
        if len(np.unique(train_labels[chosen])) < 2:
            return 0.0
        guesses = fitted(chosen, strength).predict((train[inner] - mean) / deviation)
        return float((guesses == train_labels[inner]).mean())

    best = max(STRENGTHS, key=score)
    return np.asarray(fitted(order, best).predict((held_out - mean) / deviation), np.int64)
