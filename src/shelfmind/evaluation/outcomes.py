"""Per-image outcomes: true class, predicted class, confidence, and rank of the true class."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shelfmind.arrays import Bools, Ints, Wide
from shelfmind.errors import UserError
from shelfmind.evaluation.matrix_rows import require_distributions, row_chunks
from shelfmind.nouns import counted
from shelfmind.records import UNLABELLED, Predictions
from shelfmind.top_probabilities import Probabilities, TopProbabilities, kept_per_image

_CHUNK_VALUES = 4_000_000


@dataclass(frozen=True)
class Outcomes:
    """Per-image results, each array of shape (N,), from which all metrics are computed.

    `rank` is the number of classes ranked before the true one (0: top-1 is correct), with ties resolved to the lower
    class id as in `Predictions.top`. `confidence` is the probability of the predicted class, `truth_probability` that
    of the true class.
    """

    labels: Ints
    predicted: Ints
    rank: Ints
    confidence: Wide
    truth_probability: Wide
    classes: int

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def correct(self) -> Bools:
        """Whether the top-1 prediction is correct, shape (N,)."""
        return self.within(1)

    def within(self, count: int) -> Bools:
        """Whether the true class is among the top `count`, shape (N,)."""
        return np.asarray(self.rank < count)


def outcomes_of(predictions: Predictions) -> Outcomes:
    """Compare predictions with labels in one pass over the probabilities, in chunks of bounded memory.

    Raises `UserError` if there are no images, an image has no label, or a row is not a probability distribution.
    """
    labels = predictions.labels.astype(np.int64)
    _require_labels(predictions, labels)
    total = len(labels)
    predicted, rank = np.zeros(total, np.int64), np.zeros(total, np.int64)
    confidence, truth_probability = np.zeros(total, np.float64), np.zeros(total, np.float64)
    classes = len(predictions.class_names)
    probabilities: Probabilities = predictions.probabilities
    for rows in row_chunks(total, kept_per_image(probabilities), _CHUNK_VALUES):
        if isinstance(probabilities, TopProbabilities):
            kept = probabilities.values[rows]
            values = np.column_stack([kept, probabilities.rest(rows)])
            predicted[rows], confidence[rows] = probabilities.ids[rows, 0], kept[:, 0]
            rank[rows] = probabilities.ranks(rows, labels[rows])
            truth_probability[rows] = probabilities[np.arange(total)[rows], labels[rows]]
        else:
            values, truth = probabilities[rows], labels[rows, None]
            predicted[rows], confidence[rows] = values.argmax(axis=1), values.max(axis=1)
            at_truth = np.take_along_axis(values, truth, axis=1)
            tied_before = (values == at_truth) & (np.arange(classes) < truth)
            rank[rows] = ((values > at_truth) | tied_before).sum(axis=1)
            truth_probability[rows] = at_truth[:, 0]
        require_distributions(values, rows.start, predictions.paths.__getitem__)
    return Outcomes(labels, predicted, rank, confidence, truth_probability, classes)


def _require_labels(predictions: Predictions, labels: Ints) -> None:
    if len(labels) == 0:
        raise UserError("there are no images to evaluate; check the path and the split")
    unlabelled = np.flatnonzero(labels == UNLABELLED)
    if len(unlabelled):
        example = predictions.paths[unlabelled[0]]
        raise UserError(
            f"{len(unlabelled):,} of {counted(len(labels), 'image')} have no label, such as {example}; "
            "evaluation needs a label for every image, `predict` does not"
        )
    outside = np.flatnonzero((labels < 0) | (labels >= len(predictions.class_names)))
    if len(outside):
        where, label = predictions.paths[outside[0]], labels[outside[0]]
        classes = counted(len(predictions.class_names), "class")
        raise UserError(f"{where} has class id {label}, but there are only {classes}")
