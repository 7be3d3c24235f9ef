"""Estimates the number of wrong labels per class: confident learning on probabilities of any size, by chunks of
rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from shelfmind.analysis.mapped import release_pages
from shelfmind.arrays import Floats, Ints, Wide
from shelfmind.evaluation.matrix_rows import require_distributions, row_chunks
from shelfmind.progress import Progress

NO_CLASS = -1
CANDIDATES = 4
_CHUNK_VALUES = 8_000_000


@dataclass(frozen=True)
class Scan:
    """Summary of one pass over the out-of-fold probabilities of N images, without any array of one column per class.

    `given` is the probability of the given label; `candidates` (N, `CANDIDATES` or fewer) are the most probable other
    classes, best first, and `candidate_probabilities` their probabilities.
    """

    labels: Ints
    given: Floats
    candidates: Ints
    candidate_probabilities: Floats
    classes: int

    @property
    def margin(self) -> Floats:
        """Probability of the given label minus that of the best other class, in -1..1, shape (N,)."""
        return np.asarray(self.given - self.candidate_probabilities[:, 0])


@dataclass(frozen=True)
class NoiseEstimate:
    """Confident learning's estimate of the label noise.

    `thresholds` (classes,) is each class's mean probability over its own images, NaN for a class without images;
    `joint` (classes, classes) counts images with the row's label that confidently belong to the column's class, scaled
    so that each row sums to the number of the class's images.
    """

    thresholds: Wide
    joint: Wide

    @property
    def wrong(self) -> Wide:
        """The estimated number of wrong labels in each class, shape (classes,)."""
        return np.asarray(self.joint.sum(axis=1) - np.diagonal(self.joint))


def scan(probabilities: npt.NDArray[np.floating[Any]], labels: Ints, progress: Progress | None = None) -> Scan:
    """Read probabilities (N, C), which may be memory-mapped, once; labels (N,) are class ids.

    Raises `UserError` for rows that are not probability distributions, naming the first.
    """
    total, classes = probabilities.shape
    if labels.shape != (total,) or (total and not 0 <= int(labels.min()) <= int(labels.max()) < classes):
        raise ValueError(f"labels must be {total} class ids below {classes}, one for each row of probabilities")
    kept = min(CANDIDATES, classes - 1)
    given = np.zeros(total, np.float32)
    candidates, candidate_probabilities = np.zeros((total, kept), np.int64), np.zeros((total, kept), np.float32)
    for rows in row_chunks(total, classes, _CHUNK_VALUES):
        values = np.array(probabilities[rows], np.float32)
        require_distributions(values, rows.start, "row {}".format)
        own = labels[rows, None]
        given[rows] = np.take_along_axis(values, own, axis=1)[:, 0]
        np.put_along_axis(values, own, -1.0, axis=1)
        best = _largest(values, kept)
        candidates[rows], candidate_probabilities[rows] = best, np.take_along_axis(values, best, axis=1)
        release_pages(probabilities)
        if progress is not None:
            progress(len(values))
    return Scan(labels, given, candidates, candidate_probabilities, classes)


def estimate_noise(
    probabilities: npt.NDArray[np.floating[Any]], scanned: Scan, checked: npt.NDArray[np.bool_] | None = None
) -> NoiseEstimate:
    """Estimate which labels are confidently predicted as which other classes, in a second pass over the probabilities.

    An image counts as confidently of a class if its probability of it reaches the mean of the class's own images; if
    several classes qualify, the most probable one counts. Northcutt, Jiang and Chuang, "Confident Learning: Estimating
    Uncertainty in Dataset Labels", JAIR 2021, equations 1 and 3. Only images that are `checked` (N,) count, if given.
    """
    labels, classes = scanned.labels, scanned.classes
    counting = np.ones(len(labels), np.bool_) if checked is None else checked
    counts = np.bincount(labels[counting], minlength=classes)
    sums = np.bincount(labels[counting], weights=scanned.given[counting], minlength=classes)
    thresholds = np.divide(sums, counts, out=np.full(classes, np.nan), where=counts > 0)
    reach = np.nan_to_num(thresholds, nan=np.inf).astype(np.float32)
    joint = np.zeros((classes, classes), np.float64)
    for rows in row_chunks(len(labels), classes, _CHUNK_VALUES):
        values = np.array(probabilities[rows], np.float32)
        values[values < reach] = -1.0
        confident = values.argmax(axis=1)
        sure = (values.max(axis=1) >= 0) & counting[rows]
        np.add.at(joint, (labels[rows][sure], confident[sure]), 1.0)
        release_pages(probabilities)
    return NoiseEstimate(thresholds, _calibrated(joint, counts))


def _calibrated(joint: Wide, counts: Ints) -> Wide:
    """Each row scaled to the number of the class's images; a row without confident images is assumed correct."""
    np.fill_diagonal(joint, np.maximum(joint.diagonal(), counts > 0))
    rows = joint.sum(axis=1)
    scale = np.divide(counts, rows, out=np.zeros(len(rows)), where=rows > 0)
    return np.asarray(joint * scale[:, None])


def _largest(values: Floats, count: int) -> Ints:
    """The columns of the `count` largest values of each row, largest first, ties by column."""
    if count < values.shape[1]:
        columns = np.argpartition(-values, count - 1, axis=1)[:, :count]
        columns.sort(axis=1)
    else:
        columns = np.broadcast_to(np.arange(values.shape[1]), values.shape)
    order = np.argsort(-np.take_along_axis(values, columns, axis=1), axis=1, kind="stable")
    return np.take_along_axis(columns, order, axis=1).astype(np.int64)
