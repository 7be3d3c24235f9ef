"""Estimates the number of wrong labels per class: confident learning on probabilities of any size, by chunks of
rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array, csr_array, diags_array

from shelfmind.analysis.mapped import release_pages
from shelfmind.arrays import Floats, Ints, Wide
from shelfmind.evaluation.matrix_rows import require_distributions, row_chunks
from shelfmind.progress import Progress
from shelfmind.top_probabilities import Probabilities, TopProbabilities, kept_per_image, known_classes

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
    so that each row sums to the number of the class's images. It is sparse, because it has at most one entry per image.
    """

    thresholds: Wide
    joint: csr_array

    @property
    def wrong(self) -> Wide:
        """The estimated number of wrong labels in each class, shape (classes,)."""
        return np.asarray(self.joint.sum(axis=1) - self.joint.diagonal())


def scan(probabilities: Probabilities, labels: Ints, progress: Progress | None = None) -> Scan:
    """Read probabilities once; labels (N,) are class ids.

    Raises `UserError` for rows that are not probability distributions, naming the first.
    """
    total, classes = probabilities.shape
    if labels.shape != (total,) or (total and not 0 <= int(labels.min()) <= int(labels.max()) < classes):
        raise ValueError(f"labels must be {total} class ids below {classes}, one for each row of probabilities")
    kept = min(CANDIDATES, classes - 1)
    given = np.zeros(total, np.float32)
    candidates, candidate_probabilities = np.zeros((total, kept), np.int64), np.zeros((total, kept), np.float32)
    for rows in row_chunks(total, kept_per_image(probabilities), _CHUNK_VALUES):
        values, ids = known_classes(probabilities, rows)
        whole = values
        if isinstance(probabilities, TopProbabilities):
            whole = np.column_stack([values, probabilities.rest(rows)])
        require_distributions(whole, rows.start, "row {}".format)
        own = labels[rows]
        given[rows] = probabilities[np.arange(rows.start, rows.stop), own]
        values[ids == own[:, None]] = -1.0
        best = _largest(values, kept)
        candidates[rows] = np.take_along_axis(ids, best, axis=1)
        candidate_probabilities[rows] = np.take_along_axis(values, best, axis=1)
        release_pages(probabilities)
        if progress is not None:
            progress(len(values))
    return Scan(labels, given, candidates, candidate_probabilities, classes)


def estimate_noise(
    probabilities: Probabilities, scanned: Scan, checked: npt.NDArray[np.bool_] | None = None
) -> NoiseEstimate:
    """Estimate which labels are confidently predicted as which other classes, in a second pass over the probabilities.

    An image counts as confidently of a class if its probability of it reaches the mean of the class's own images; if
    several classes qualify, the most probable one counts. Northcutt, Jiang and Chuang, "Confident Learning: Estimating
    Uncertainty in Dataset Labels", JAIR 2021, equations 1 and 3. Only images that are `checked` (N,) count, if given.
    Of `TopProbabilities`, only the kept classes can qualify.
    """
    labels, classes = scanned.labels, scanned.classes
    counting = np.ones(len(labels), np.bool_) if checked is None else checked
    counts = np.bincount(labels[counting], minlength=classes)
    sums = np.bincount(labels[counting], weights=scanned.given[counting], minlength=classes)
    thresholds = np.divide(sums, counts, out=np.full(classes, np.nan), where=counts > 0)
    reach = np.nan_to_num(thresholds, nan=np.inf).astype(np.float32)
    pairs = [np.zeros((2, 0), np.int64)]
    for rows in row_chunks(len(labels), kept_per_image(probabilities), _CHUNK_VALUES):
        values, ids = known_classes(probabilities, rows)
        values[values < reach[ids]] = -1.0
        confident = np.take_along_axis(ids, values.argmax(axis=1)[:, None], axis=1)[:, 0]
        sure = (values.max(axis=1) >= 0) & counting[rows]
        pairs.append(np.stack([labels[rows][sure], confident[sure]]))
        release_pages(probabilities)
    given, likely = np.concatenate(pairs, axis=1)
    joint = coo_array((np.ones(len(given)), (given, likely)), (classes, classes)).tocsr()
    return NoiseEstimate(thresholds, _calibrated(joint, counts))


def _calibrated(joint: csr_array, counts: Ints) -> csr_array:
    """Each row scaled to the number of the class's images; a row without confident images is assumed correct."""
    missing = np.maximum((counts > 0) - joint.diagonal(), 0.0)
    joint = joint + diags_array(missing)
    rows = np.asarray(joint.sum(axis=1))
    scale = np.divide(counts, rows, out=np.zeros(len(rows)), where=rows > 0)
    return csr_array(diags_array(scale) @ joint)


def _largest(values: Floats, count: int) -> Ints:
    """The columns of the `count` largest values of each row, largest first, ties by column."""
    if count < values.shape[1]:
        columns = np.argpartition(-values, count - 1, axis=1)[:, :count]
        columns.sort(axis=1)
    else:
        columns = np.broadcast_to(np.arange(values.shape[1]), values.shape)
    order = np.argsort(-np.take_along_axis(values, columns, axis=1), axis=1, kind="stable")
    return np.take_along_axis(columns, order, axis=1).astype(np.int64)
