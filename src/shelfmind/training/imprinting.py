"""Imprints classes into a classifier: rows of weights that come from a few photos' embeddings, not from training."""

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


@dataclass(frozen=True)
class Footing:
    """What the trained classes of a linear classifier are like, so that imprinted ones stand on the same footing.

    `centre` (D,) is the mean of the classes' mean embeddings, `length` the mean length of an embedding, `own_logit` the
    mean logit of a class for its own photos.
    """

    centre: Wide
    length: float
    own_logit: float


def prototypes(vectors: Floats, labels: Ints, classes: int) -> Floats:
    """The direction of each class, shape (classes, D): the mean of its photos' unit vectors (N, D), of length 1.

    Qi et al., "Low-Shot Learning with Imprinted Weights", CVPR 2018, section 3.1.
    """
    return unit_rows(class_means(unit_rows(vectors), labels, classes))


def class_means(rows: npt.NDArray[np.floating[Any]], labels: Ints, classes: int) -> Wide:
    """The mean of each class's rows (N, D), shape (classes, D); zeros for a class without any."""
    sums = np.zeros((classes, rows.shape[1]))
    np.add.at(sums, labels, rows)
    return sums / np.maximum(np.bincount(labels, minlength=classes), 1)[:, None]


def footing(arrays: Arrays, embeddings: Floats, labels: Ints) -> Footing:
    """The footing of the trained classes of a linear classifier, by photos of them: embeddings (N, D), labels (N,)."""
    weight, bias = np.asarray(arrays[WEIGHT], np.float64), np.asarray(arrays[BIAS], np.float64)
    present = np.unique(labels)
    means = class_means(embeddings, labels, len(weight))[present]
    own = (weight[present] * means).sum(1) + bias[present]
    lengths = np.linalg.norm(embeddings.astype(np.float64), axis=1)
    return Footing(means.mean(0), float(lengths.mean()), float(own.mean()))


def is_linear(arrays: Arrays) -> bool:
    """Whether the classifier takes lengths into account and has a bias; else it takes cosines.

    Raises:
        UserError: a network without a classifier of ours.
    """
    if WEIGHT not in arrays:
        raise UserError("this network has no classifier of shelfmind's own, into which classes could be imprinted")
    return BIAS in arrays


def imprinted(arrays: Arrays, classes: int, directions: Floats, trained: Footing | None) -> dict[str, npt.NDArray[Any]]:
    """A network's arrays with rows for new classes, whose prototypes are `directions` (N, D), after those of `classes`.

    A cosine classifier takes the prototypes as they are, in the mean length of the trained rows, which changes no logit
    but how fast a row turns in training; one with several centres a class takes the prototype for each of them. A
    linear one, whose embeddings all point roughly the same way, takes `linear_rows`. All other arrays are the same.
    """
    weight = arrays[WEIGHT]
    centres = 1 if weight.ndim == 3 else len(weight) // classes
    flat = np.asarray(weight, np.float64).reshape(-1, weight.shape[-1])
    length = float(np.linalg.norm(flat, axis=1).mean())
    widened = dict(arrays)
    if trained is None:
        rows = np.asarray(directions, np.float64) * length
    else:
        rows, bias = linear_rows(directions, length, trained)
        widened[BIAS] = np.concatenate([arrays[BIAS], bias.astype(arrays[BIAS].dtype)])
    rows = np.repeat(rows[:, None], weight.shape[1], axis=1) if weight.ndim == 3 else np.repeat(rows, centres, axis=0)
    widened[WEIGHT] = np.concatenate([weight, rows.astype(weight.dtype)])
    return widened


def linear_rows(directions: Floats, length: float, trained: Footing) -> tuple[Wide, Wide]:
    """Weights (N, D) and biases (N,) by which a new class's logit falls with the distance to its prototype.

    With the prototypes x at the length of embeddings and the centre m of the trained classes, the logit of an embedding
    e is s (x - m)(e - (x + m) / 2) + c: half of s times how much nearer e is to x than to m, squared distances both, so
    that among new classes the nearest prototype wins. The scale s gives the rows the mean length of the trained ones;
    the offset c gives prototypes, on average, the logit that trained classes have for their own photos.
    """
    placed = np.asarray(directions, np.float64) * trained.length
    away = placed - trained.centre
    lengths = np.linalg.norm(away, axis=1)
    scale = length / max(float(lengths.mean()), 1e-12)
    offset = trained.own_logit - scale * float((lengths**2).mean()) / 2
    return scale * away, offset - scale * (away * (placed + trained.centre)).sum(1) / 2
