"""Evaluation of embeddings before fine-tuning: k nearest neighbours and linear probe."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import LogisticRegression

from shelfmind.arrays import Floats, Ints
from shelfmind.evaluation.bootstrap import hits_interval
from shelfmind.evaluation.intervals import Interval, too_few_images
from shelfmind.evaluation.matrix_rows import row_chunks, unit_rows

NEIGHBOURS, TEMPERATURE = 20, 0.07
STRENGTHS = (0.1, 1.0, 10.0)
_CHUNK_VALUES = 20_000_000


@dataclass(frozen=True, slots=True)
class Readout:
    """Top-1 on held-out images by weighted k nearest neighbours and a linear probe, with 95% intervals over images."""

    knn_top1: float
    knn_top1_ci95: Interval
    linear_top1: float
    linear_top1_ci95: Interval
    images: int
    train_images: int
    too_few_images: bool


def evaluate_embeddings(train: Floats, train_labels: Ints, held_out: Floats, labels: Ints) -> Readout:
    """Evaluate embeddings (N, D) of training images on held-out ones (M, D)."""
    knn = (knn_labels(train, train_labels, held_out) == labels).astype(np.float64)
    linear = (linear_probe_labels(train, train_labels, held_out) == labels).astype(np.float64)
    return Readout(
        float(knn.mean()),
        hits_interval(knn),
        float(linear.mean()),
        hits_interval(linear),
        len(labels),
        len(train_labels),
        too_few_images(len(labels)),
    )


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
