"""Measures the difficulties of each photo of an evaluation, and the accuracy by difficulty."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from shelfmind.analysis.measuring.angles import CLEAR
from shelfmind.analysis.measuring.squares import measure_squares
from shelfmind.arrays import Floats, Ints, Wide, rows_by_label
from shelfmind.evaluation.ensemble import joined_embeddings
from shelfmind.evaluation.matrix_rows import row_chunks, unit_rows
from shelfmind.evaluation.metrics import ShotCutoffs
from shelfmind.evaluation.outcomes import outcomes_of
from shelfmind.evaluation.slices import Difficulty, Slices, slice_accuracy
from shelfmind.images.squares import Squares, open_squares, squares_of_some
from shelfmind.inference.prediction_cache import embeddings_of
from shelfmind.inference.predictor import Predictor
from shelfmind.progress import Counter
from shelfmind.recipe import DataRecipe
from shelfmind.records import Catalog, Predictions

REFERENCES = (2, 8)
"""Minimum and maximum number of training photos per class to compare with; between these limits, about as many
as there are evaluated photos, so that comparison costs no more than prediction."""
NO_REFERENCES = "the data has no training photos"
_CHUNK_VALUES = 8_000_000


@dataclass(frozen=True)
class References:
    """Embeddings of reference photos of the classes, (R, D) with rows of length 1, and their classes (R,)."""

    embeddings: Floats
    labels: Ints


def slices_of(
    data: DataRecipe,
    catalog: Catalog,
    predictions: Predictions,
    references: References | None,
    class_sizes: Ints,
    counter: Counter,
) -> Slices:
    """Accuracy by every difficulty of labelled predictions whose photos are in `catalog`.

    `data` prepares the measured squares. The embeddings are compared with those of `references` (None if there are
    none); `class_sizes` (C,) are the numbers of known photos per class.
    """
    wanted = set(predictions.paths)
    samples = [sample for sample in catalog.samples if str(sample.path) in wanted]
    squares, good, _ = open_squares(samples, data)
    rows = {str(sample.path): row for row, sample in enumerate(good)}
    in_order = _Reordered(squares, [rows[path] for path in predictions.paths])
    seen = measure_squares(in_order, [Path(path) for path in predictions.paths], data, counter)
    missing = {}
    difficulties = [*_measured(seen), _class_size(predictions.labels, class_sizes)]
    if references is None:
        missing = dict.fromkeys(("siblings", "unfamiliar"), NO_REFERENCES)
    else:
        difficulties += _compared(unit_rows(predictions.embeddings), predictions.labels, references)
    outcomes = outcomes_of(predictions)
    return slice_accuracy(outcomes.correct, outcomes.confidence, predictions.paths, difficulties, missing)


def training_references(
    predictors: Sequence[Predictor], weights: Sequence[float] | Wide, catalog: Catalog, photos: int, counter: Counter
) -> References | None:
    """Embeddings of some training photos of each class, by one network or an ensemble, about as many as the `photos`
    evaluated. Cached like all predictions. None if the data has no training photos."""
    train = catalog.split("train")
    each = references_each(photos, predictors[0].class_names)
    chosen = chosen_references(np.array([sample.label for sample in train], np.int64), each).tolist()
    members, labels = [], np.zeros(0, np.int64)
    for predictor in predictors if chosen else ():
        checked = counter("checking images", len(chosen))
        squares, good = squares_of_some(train, chosen, predictor.recipe.data, checked)
        labels = np.array([sample.label for sample in good], np.int64)
        members.append(embeddings_of(predictor, squares, good, counter))
    if not len(labels):
        return None
    return References(unit_rows(joined_embeddings(members, weights)), labels)


@dataclass(frozen=True)
class _Reordered:
    """Squares in another order."""

    squares: Squares
    order: Sequence[int]

    def __len__(self) -> int:
        return len(self.order)

    def __getitem__(self, index: int) -> npt.NDArray[np.uint8]:
        return self.squares[self.order[index]]


def _measured(seen: npt.NDArray[np.void]) -> list[Difficulty]:
    """Difficulties from pixels and sizes. Limits are fixed if values compare across data sets, else quantiles."""
    wide = {name: seen[name].astype(np.float64) for name in ("blur", "glare", "luma", "tilt", "askew")}
    clear = seen["lines"] >= CLEAR
    width, height = seen["width"].astype(np.float64), seen["height"].astype(np.float64)
    return [
        Difficulty("blur", wide["blur"]),
        Difficulty("glare", wide["glare"], (0.002, 0.02)),
        Difficulty("light", wide["luma"]),
        Difficulty("tilt", np.where(clear, wide["tilt"], np.nan), (3.0, 8.0, 15.0, 25.0), "°"),
        Difficulty("perspective", np.where(clear, wide["askew"], np.nan), (4.0, 8.0, 12.0, 16.0), "°"),
        Difficulty("aspect_ratio", height / width, (0.5, 1.0, 1.5, 2.0, 2.5, 3.0)),
        Difficulty("image_size", np.minimum(width, height), (64.0, 128.0, 224.0, 448.0), " px"),
    ]


def _class_size(labels: Ints, class_sizes: Ints) -> Difficulty:
    cutoffs = ShotCutoffs()
    limits = float(cutoffs.few_below), float(cutoffs.many_above + 1)
    return Difficulty("class_size", class_sizes[labels].astype(np.float64), limits)


def _compared(embeddings: Floats, labels: Ints, references: References) -> list[Difficulty]:
    """Similarity to the most similar other class, and distance to the training photos of the same class."""
    classes = int(max(labels.max(), references.labels.max())) + 1
    means = np.zeros((classes, embeddings.shape[1]), np.float32)
    np.add.at(means, references.labels, references.embeddings)
    known = np.bincount(references.labels, minlength=classes) > 0
    means = unit_rows(means)
    alike, present = np.full(classes, np.nan), np.intersect1d(labels, np.flatnonzero(known))
    for part in row_chunks(len(present), classes, _CHUNK_VALUES):
        asked = present[part]
        cosine = means[asked] @ means.T
        cosine[:, ~known] = -np.inf
        cosine[np.arange(len(asked)), asked] = -np.inf
        alike[asked] = cosine.max(1)
    alike[~np.isfinite(alike)] = np.nan
    return [
        Difficulty("siblings", alike[labels]),
        Difficulty("unfamiliar", _class_distance(embeddings, labels, references)),
    ]


def _class_distance(embeddings: Floats, labels: Ints, references: References) -> Wide:
    """One minus the cosine to the most similar training photo of the same class, NaN if there is none, (N,)."""
    apart = np.full(len(labels), np.nan)
    members_of = dict(rows_by_label(references.labels))
    for label, own in rows_by_label(labels):
        if (members := members_of.get(label)) is not None:
            apart[own] = 1 - (embeddings[own] @ references.embeddings[members].T).max(1)
    return apart


def references_each(photos: int, class_names: Sequence[str]) -> int:
    """The number of training photos per class to compare with, for this many evaluated photos."""
    least, most = REFERENCES
    return min(most, max(least, -(-photos // len(class_names))))


def chosen_references(labels: Ints, each: int) -> Ints:
    """The rows of up to `each` photos per class, evenly spaced."""
    chosen = []
    for _, rows in rows_by_label(labels):
        chosen.append(rows[np.unique(np.linspace(0, len(rows) - 1, min(each, len(rows))).round().astype(np.int64))])
    return np.sort(np.concatenate(chosen)) if chosen else np.zeros(0, np.int64)
