"""Errors by class, the most frequent confusions, and the most confident errors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shelfmind.arrays import Ints, Wide
from shelfmind.evaluation.outcomes import Outcomes
from shelfmind.records import Predictions

CONFUSIONS = 50
EXAMPLES = 3


@dataclass(frozen=True, slots=True)
class ClassResult:
    """The results of one class. Undefined values (no image, never predicted, count unknown) are None.

    `recall` is over the images of the class, `precision` over the images predicted as it, and `confidence` the mean
    over the images of the class. `confused_with` is the most frequent wrong prediction, `confused_count` its number.
    """

    class_id: int
    name: str
    train_images: int | None
    images: int
    correct: int
    recall: float | None
    precision: float | None
    confidence: float | None
    confused_with: str | None
    confused_count: int


@dataclass(frozen=True, slots=True)
class Confusion:
    """Images of the class `given` predicted as `predicted`: `count` images, a share `rate` of all images of `given`.

    `examples` are paths of such images, most confident first.
    """

    given_id: int
    predicted_id: int
    given: str
    predicted: str
    count: int
    rate: float
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ImageError:
    """A wrongly predicted image: true and predicted class, with their probabilities."""

    path: str
    given: str
    predicted: str
    confidence: float
    truth_probability: float
    rank: int


def per_class(predictions: Predictions, outcomes: Outcomes, train_counts: Ints | None) -> tuple[ClassResult, ...]:
    """Return one row per class, in the order of class ids. `train_counts` has shape (classes,) or is unknown."""
    classes = outcomes.classes
    images = np.bincount(outcomes.labels, minlength=classes)
    correct = np.bincount(outcomes.labels[outcomes.correct], minlength=classes)
    claimed = np.bincount(outcomes.predicted, minlength=classes)
    confidence = np.bincount(outcomes.labels, weights=outcomes.confidence, minlength=classes)
    confused: dict[int, tuple[int, int]] = {}
    for given, predicted, count in _pairs(outcomes):
        confused.setdefault(given, (predicted, count))

    def ratio(part: Ints | Wide, whole: Ints, index: int) -> float | None:
        return float(part[index] / whole[index]) if whole[index] else None

    return tuple(
        ClassResult(
            class_id=i,
            name=name,
            train_images=None if train_counts is None else int(train_counts[i]),
            images=int(images[i]),
            correct=int(correct[i]),
            recall=ratio(correct, images, i),
            precision=ratio(correct, claimed, i),
            confidence=ratio(confidence, images, i),
            confused_with=predictions.class_names[confused[i][0]] if i in confused else None,
            confused_count=confused[i][1] if i in confused else 0,
        )
        for i, name in enumerate(predictions.class_names)
    )


def worst_confusions(predictions: Predictions, outcomes: Outcomes, limit: int = CONFUSIONS) -> tuple[Confusion, ...]:
    """Return the most frequent confusions. Ties are sorted by higher rate, then by lower class ids."""
    images = np.bincount(outcomes.labels, minlength=outcomes.classes)
    pairs = sorted(_pairs(outcomes), key=lambda pair: (-pair[2], images[pair[0]], pair[0], pair[1]))
    by_confidence = _wrong_by_confidence(outcomes)
    given_of, predicted_of = outcomes.labels[by_confidence], outcomes.predicted[by_confidence]
    names = predictions.class_names

    def confusion(given: int, predicted: int, count: int) -> Confusion:
        examples = by_confidence[(given_of == given) & (predicted_of == predicted)][:EXAMPLES]
        paths = tuple(predictions.paths[i] for i in examples)
        return Confusion(given, predicted, names[given], names[predicted], count, float(count / images[given]), paths)

    return tuple(confusion(*pair) for pair in pairs[:limit])


def errors(predictions: Predictions, outcomes: Outcomes) -> tuple[ImageError, ...]:
    """Return all wrongly predicted images, most confident first."""
    names = predictions.class_names
    return tuple(
        ImageError(
            path=predictions.paths[i],
            given=names[outcomes.labels[i]],
            predicted=names[outcomes.predicted[i]],
            confidence=float(outcomes.confidence[i]),
            truth_probability=float(outcomes.truth_probability[i]),
            rank=int(outcomes.rank[i]),
        )
        for i in _wrong_by_confidence(outcomes)
    )


def _wrong_by_confidence(outcomes: Outcomes) -> Ints:
    wrong = np.flatnonzero(~outcomes.correct)
    return wrong[np.argsort(-outcomes.confidence[wrong], kind="stable")]


def _pairs(outcomes: Outcomes) -> list[tuple[int, int, int]]:
    """Return (given, predicted, count) of all errors, most frequent first, then by class ids."""
    wrong = ~outcomes.correct
    keys, counts = np.unique(outcomes.labels[wrong] * outcomes.classes + outcomes.predicted[wrong], return_counts=True)
    order = np.argsort(-counts, kind="stable")
    given, predicted = np.divmod(keys[order], outcomes.classes)
    return list(zip(given.tolist(), predicted.tolist(), counts[order].tolist(), strict=True))
