"""Imprints classes into a classifier: weights computed from a few photos' embeddings, without training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from shelfmind.arrays import Floats, Ints, Wide
from shelfmind.errors import UserError
from shelfmind.evaluation.matrix_rows import unit_rows

Arrays = Mapping[str, npt.NDArray[Any]]
WEIGHT, BIAS = "head.classifier.weight", "head.classifier.bias"


APART = 0.01
"""The distance of the other centres of an imprinted class from its prototype, relative to its length: much less than
photos of a class differ, so that each centre is the nearest one for some of them."""
LOST = 0.05
"""The share of the trained classes' own photos that imprinted classes of a linear classifier claim before
fine-tuning."""


@dataclass(frozen=True)
class Seen:
    """Photos of trained classes: embeddings (N, D) and class ids (N,)."""

    embeddings: Floats
    labels: Ints


def prototypes(vectors: Floats, labels: Ints, classes: int) -> Floats:
    """The direction of each class, shape (classes, D): the normalised mean of its photos' unit vectors (N, D).

    Qi et al., "Low-Shot Learning with Imprinted Weights", CVPR 2018, section 3.1.
    """
    return unit_rows(class_means(unit_rows(vectors), labels, classes))


def class_means(rows: npt.NDArray[np.floating[Any]], labels: Ints, classes: int) -> Wide:
    """The mean of each class's rows (N, D), shape (classes, D); zeros for a class without rows."""
    sums = np.zeros((classes, rows.shape[1]))
    np.add.at(sums, labels, rows)
    means: Wide = sums / np.maximum(np.bincount(labels, minlength=classes), 1)[:, None]
    return means


def is_linear(arrays: Arrays) -> bool:
    """Whether the classifier is linear with a bias; otherwise it is a cosine classifier.

    Raises:
        UserError: a network without one of shelfmind's classifiers.
    """
    if WEIGHT not in arrays:
        raise UserError("classes can only be imprinted into the classifiers of shelfmind's networks")
    return BIAS in arrays


def imprinted(arrays: Arrays, directions: Floats, seen: Seen | None) -> dict[str, npt.NDArray[Any]]:
    """A network's arrays with rows for new classes, whose prototypes are `directions` (N, D), after the trained
    classes.

    A cosine classifier gets the prototypes scaled to the mean length of the trained rows, which affects no logit, only
    how fast a row turns in training. One with several centres per class, (C, K, D), gets `spread_centres`.
    A linear classifier, whose embeddings all point in roughly the same direction, gets `linear_rows` and an `offset`
    computed from photos of trained classes, which are required. All other arrays are unchanged.
    """
    if not len(directions):
        return dict(arrays)
    weight = arrays[WEIGHT]
    flat = np.asarray(weight, np.float64).reshape(-1, weight.shape[-1])
    length = float(np.linalg.norm(flat, axis=1).mean())
    widened = dict(arrays)
    if seen is None:
        rows = np.asarray(directions, np.float64) * length
    else:
        rows, bias = linear_rows(directions, length, seen)
        bias += offset(arrays, rows, bias, seen)
        widened[BIAS] = np.concatenate([arrays[BIAS], bias.astype(arrays[BIAS].dtype)])
    if weight.ndim == 3:
        rows = spread_centres(rows, weight.shape[1])
    widened[WEIGHT] = np.concatenate([weight, rows.astype(weight.dtype)])
    return widened


def spread_centres(rows: Wide, centres: int) -> Wide:
    """Centres (N, K, D) of classes with these rows (N, D): the row itself first, then others that are apart from it by
    `APART` in random directions, the same in every call.

    A photo trains only the nearest centre of its class. Equal centres would all be the nearest and stay equal.
    """
    random = np.random.default_rng(0).normal(size=(len(rows), centres, rows.shape[1]))
    random /= np.linalg.norm(random, axis=2, keepdims=True)
    random[:, 0] = 0
    return np.asarray(rows[:, None] + APART * np.linalg.norm(rows, axis=1)[:, None, None] * random)


def linear_rows(directions: Floats, length: float, seen: Seen) -> tuple[Wide, Wide]:
    """Weights (N, D) and biases (N,) for which a new class's logit decreases with the distance to its prototype.

    Let x be the prototype scaled to the mean embedding length, and m the mean of the trained classes' means. The logit
    of an embedding e is s (x - m)(e - (x + m) / 2), which is s / 2 times the difference of its squared distances to m
    and x; among new classes, the nearest prototype wins. The scale s gives the rows the mean `length` of the trained
    rows. Without m, a new class would claim every photo, because all embeddings share most of their direction.
    """
    present = np.unique(seen.labels)
    centre = class_means(seen.embeddings, seen.labels, int(present[-1]) + 1)[present].mean(0)
    placed = np.asarray(directions, np.float64) * np.linalg.norm(seen.embeddings, axis=1).mean()
    away = placed - centre
    scale = length / max(float(np.linalg.norm(away, axis=1).mean()), 1e-12)
    return scale * away, -scale * (away * (placed + centre)).sum(1) / 2


def offset(arrays: Arrays, rows: Wide, bias: Wide, seen: Seen) -> float:
    """The offset to the biases of new classes for which they claim the share `LOST` of the trained classes' own photos:
    of the correctly recognised ones, or of all if there are none."""
    trained = seen.embeddings @ np.asarray(arrays[WEIGHT], np.float64).T + arrays[BIAS]
    own = trained[np.arange(len(trained)), seen.labels]
    ahead = own - (seen.embeddings @ rows.T + bias).max(1)
    right = trained.argmax(1) == seen.labels
    return float(np.quantile(ahead[right] if right.any() else ahead, LOST))
