"""Imprints classes into a classifier: weights that come from a few photos' embeddings, not from training."""

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


LOST = 0.05
"""Share of the trained classes' own photos that imprinted classes of a linear classifier take, before fine-tuning."""


@dataclass(frozen=True)
class Seen:
    """Photos of trained classes: embeddings (N, D) and class ids (N,)."""

    embeddings: Floats
    labels: Ints


def prototypes(vectors: Floats, labels: Ints, classes: int) -> Floats:
    """The direction of each class, shape (classes, D): the mean of its photos' unit vectors (N, D), of length 1.

    Qi et al., "Low-Shot Learning with Imprinted Weights", CVPR 2018, section 3.1.
    """
    return unit_rows(class_means(unit_rows(vectors), labels, classes))


def class_means(rows: npt.NDArray[np.floating[Any]], labels: Ints, classes: int) -> Wide:
    """The mean of each class's rows (N, D), shape (classes, D); zeros for a class without any."""
    sums = np.zeros((classes, rows.shape[1]))
    np.add.at(sums, labels, rows)
    means: Wide = sums / np.maximum(np.bincount(labels, minlength=classes), 1)[:, None]
    return means


def is_linear(arrays: Arrays) -> bool:
    """Whether the classifier takes lengths into account and has a bias; else it takes cosines.

    Raises:
        UserError: a network without a classifier of ours.
    """
    if WEIGHT not in arrays:
        raise UserError("classes can only be imprinted into the classifiers of shelfmind's networks")
    return BIAS in arrays


def imprinted(arrays: Arrays, directions: Floats, seen: Seen | None) -> dict[str, npt.NDArray[Any]]:
    """A network's arrays with rows for new classes, whose prototypes are `directions` (N, D), after the trained ones.

    A cosine classifier takes the prototypes as they are, in the mean length of the trained rows, which changes no logit
    but how fast a row turns in training; one with several centres a class, (C, K, D), takes the prototype for each. A
    linear one, whose embeddings all point roughly the same way, takes `linear_rows` and an `offset` by photos of
    trained classes, which it needs. All other arrays are the same.
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
        rows = np.repeat(rows[:, None], weight.shape[1], axis=1)
    widened[WEIGHT] = np.concatenate([weight, rows.astype(weight.dtype)])
    return widened


def linear_rows(directions: Floats, length: float, seen: Seen) -> tuple[Wide, Wide]:
    """Weights (N, D) and biases (N,) by which a new class's logit falls with the distance to its prototype.

    With the prototypes x at the mean length of an embedding and m, the mean of the trained classes' means, the logit of
    an embedding e is s (x - m)(e - (x + m) / 2): s / 2 times how much nearer e is to x than to m, distances squared, so
    that among new classes the nearest prototype wins. The scale s gives the rows the mean `length` of the trained ones.
    Without m every photo would be taken by a new class: all embeddings have most of their direction in common.
    """
    present = np.unique(seen.labels)
    centre = class_means(seen.embeddings, seen.labels, int(present[-1]) + 1)[present].mean(0)
    placed = np.asarray(directions, np.float64) * np.linalg.norm(seen.embeddings, axis=1).mean()
    away = placed - centre
    scale = length / max(float(np.linalg.norm(away, axis=1).mean()), 1e-12)
    return scale * away, -scale * (away * (placed + centre)).sum(1) / 2


def offset(arrays: Arrays, rows: Wide, bias: Wide, seen: Seen) -> float:
    """What to add to the biases of new classes so that they take the share `LOST` of the trained classes' own photos:
    of those that are recognised, or of all if none is."""
    trained = seen.embeddings @ np.asarray(arrays[WEIGHT], np.float64).T + arrays[BIAS]
    own = trained[np.arange(len(trained)), seen.labels]
    ahead = own - (seen.embeddings @ rows.T + bias).max(1)
    right = trained.argmax(1) == seen.labels
    return float(np.quantile(ahead[right] if right.any() else ahead, LOST))
