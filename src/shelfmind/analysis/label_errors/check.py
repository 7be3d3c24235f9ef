"""Scores every label by two kinds of evidence: the out-of-fold probability, and nearest neighbours in the same
network's embedding."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from shelfmind.analysis.competence import Competence, competence, trusted_folds
from shelfmind.analysis.label_errors.confident_learning import NO_CLASS, NoiseEstimate, Scan, estimate_noise, scan
from shelfmind.analysis.label_errors.held_out import HeldOut
from shelfmind.analysis.label_errors.neighbours import Embeddings, nearness
from shelfmind.analysis.label_errors.outliers import outlier_scores
from shelfmind.arrays import Bools, Floats, Ints, Wide, rows_by_label
from shelfmind.progress import Counter, count_silently
from shelfmind.top_probabilities import Probabilities

SUSPICIOUS_ODDS = 2.5
"""A label is flagged if its best other class is at least exp(2.5) = 12 times as likely, unless that is usual for its
class."""
HARD_CLASS_SHARE = 0.25
"""The share of a class's usual log-odds to subtract: where most images look like another class, one more is weak
evidence; where none does, it is strong evidence."""
OUTLIER_ABOVE = 4.0
"""An image this many deviations farther from its nearest class than that class's own images is an outlier.

This and the two constants above were chosen on synthetic data, on seeds that are not used in any reported result.
"""
_MIN_IMAGES = 5
_MIN_PROBABILITY = 1e-6
_NOISE_SHARE = 0.05
_MAX_FIT_IMAGES = 20_000
_NETWORK_SCALES = (0.0, *np.geomspace(0.02, 20, 13).tolist())
_NEIGHBOUR_SCALES = (0.0, *np.geomspace(0.5, 500, 13).tolist())


@dataclass(frozen=True)
class LabelCheck:
    """The result of checking the labels of N images; arrays have shape (N,).

    `score` in 0..1 measures how suspicious a label is: the logistic of the combined log-odds of the best other class
    against it, less the usual log-odds of its class. An image to review is either an outlier that fits no class
    (`outliers`) or has a label with a score above 0.5 (`flagged`); all counts refer to these. `suggested` is the best
    other class, `NO_CLASS` for outliers.

    `competences` has the competence of each network. Images of a network that does not clearly beat guessing are not
    `checked`: their values are NaN, and they are neither outliers nor flagged.

    `self_confidence` and `margin` come from the network alone, `nearness` is to the given class, `outlier` is how many
    deviations farther from its nearest class the image is than that class's images; both are NaN if there is nothing to
    compare with. `odds` are the log-odds of the best other class, and `scales` the weights of the network and the
    neighbours, see `fit_scales`.
    """

    scanned: Scan
    competences: tuple[Competence, ...]
    checked: Bools
    noise: NoiseEstimate
    scales: tuple[float, float]
    odds: Wide
    score: Wide
    suggested: Ints
    flagged: Bools
    nearness: Floats
    outlier: Floats

    @property
    def self_confidence(self) -> Floats:
        """The network's probability of the given label."""
        return self.scanned.given

    @property
    def margin(self) -> Floats:
        """The probability of the given label less that of the best other class."""
        return self.scanned.margin

    @property
    def right(self) -> Bools:
        """Whether the network's top prediction is the given label; ties do not count."""
        return np.asarray(self.margin > 0)

    @property
    def outliers(self) -> Bools:
        """Images that fit no class."""
        return np.asarray(self.outlier > OUTLIER_ABOVE)

    def ranking(self) -> Ints:
        """The images from most to least suspicious, unchecked images last."""
        return np.argsort(-self.score, kind="stable").astype(np.int64)


def check_labels(
    probabilities: Probabilities,
    held_out: HeldOut,
    embeddings: Callable[[int], Embeddings],
    counter: Counter = count_silently,
    unseen: Bools | None = None,
) -> LabelCheck:
    """Check the first `held_out.checkable` labels with out-of-fold `probabilities` (N, C) and each fold's `embeddings`.

    Both may be memory-mapped: rows are read in chunks, and working memory grows only by a few numbers per image.
    `embeddings(fold)` has a row for every image of `held_out`, including the fold's training images: a held-out image
    is compared with all of them in the embedding of a network that was not trained on it. `unseen` (N,) marks the
    images that their network was not trained on, all if None; these measure how good the network is.

    Raises `UserError` for rows that are not probability distributions.
    """
    labels = held_out.labels[: held_out.checkable]
    scanned = scan(probabilities, labels, counter("reading probabilities", len(labels), "labels"))
    competences = _competences(scanned, held_out, unseen)
    checked = np.isin(held_out.folds[: held_out.checkable], trusted_folds(competences))
    noise = estimate_noise(probabilities, scanned, checked)
    compared = np.concatenate([labels[:, None], scanned.candidates], axis=1)
    near = _nearness(held_out, compared, checked, embeddings, counter)
    class_probabilities = np.concatenate([scanned.given[:, None], scanned.candidate_probabilities], axis=1)
    return combine_evidence(scanned, competences, checked, noise, compared, class_probabilities, near)


def _competences(scanned: Scan, held_out: HeldOut, unseen: Bools | None) -> tuple[Competence, ...]:
    """The competence of each fold's network."""
    folds, right = held_out.folds[: held_out.checkable], scanned.margin > 0
    measured = np.ones(len(folds), np.bool_) if unseen is None else unseen
    found = []
    for fold in held_out.used_folds:
        rows = np.flatnonzero((folds == fold) & measured)
        found.append(competence(fold, scanned.labels[rows], right[rows], scanned.classes))
    return tuple(found)


def combine_evidence(
    scanned: Scan,
    competences: tuple[Competence, ...],
    checked: Bools,
    noise: NoiseEstimate,
    compared: Ints,
    class_probabilities: Floats,
    near: Floats,
) -> LabelCheck:
    """Combine the two kinds of evidence on the images that are `checked` (N,).

    `compared` (N, K) are the compared classes, the given one first, `class_probabilities` the network's probabilities
    of them, and `near` the image's similarity to each. Log-probability and similarity are each scaled (see
    `fit_scales`), and the softmax of their sum is the joint probability. A share of the class's median log-odds is
    subtracted, much as confident learning compares with class averages. A label that is more likely than all others is
    never suspicious, however easy its class.
    """
    labels, compared, near = scanned.labels[checked], compared[checked], near[checked]
    network = np.log(np.maximum(class_probabilities[checked], _MIN_PROBABILITY)).astype(np.float64)
    lowest = np.nanmin(near) if np.isfinite(near).any() else 0.0
    neighbours = np.where(np.isfinite(near), near, lowest).astype(np.float64)
    scales = fit_scales(network, neighbours)
    joint = _log_softmax(scales[0] * network + scales[1] * neighbours)
    rows = np.arange(len(joint))
    best = joint[:, 1:].argmax(axis=1) + 1
    odds = joint[rows, best] - joint[:, 0]
    suspicion = odds - HARD_CLASS_SHARE * _class_medians(odds, labels) - SUSPICIOUS_ODDS
    suspicion = np.where(odds > 0, suspicion, np.minimum(suspicion, 0.0))
    outlier = outlier_scores(compared, near)
    fits_none = outlier > OUTLIER_ABOVE
    return LabelCheck(
        scanned=scanned,
        competences=competences,
        checked=checked,
        noise=noise,
        scales=scales,
        odds=_scattered(odds, checked, np.nan),
        score=_scattered(expit(suspicion), checked, np.nan),
        suggested=_scattered(np.where(fits_none, NO_CLASS, compared[rows, best]), checked, NO_CLASS),
        flagged=_scattered((suspicion > 0) & ~fits_none, checked, False),
        nearness=_scattered(near[:, 0], checked, np.nan),
        outlier=_scattered(outlier, checked, np.nan),
    )


def fit_scales(network: Wide, neighbours: Wide) -> tuple[float, float]:
    """The scales of the two kinds of evidence (N, K) that maximise the likelihood of the given labels, column 0.

    This is stacking: a logistic regression with two non-negative coefficients, fitted to partly wrong labels. Each
    label is modelled as arbitrary with probability 5%, so that labels that fit nothing do not dominate. The better
    discriminator gets the larger weight, without knowing which labels are wrong. Uses a grid search, refined around the
    best point; of more than 20,000 images, an evenly spaced subset.
    """
    if not len(network):
        return 1.0, 0.0
    every = slice(None, None, max(1, len(network) // _MAX_FIT_IMAGES))
    network, neighbours = network[every], neighbours[every]
    floor = _NOISE_SHARE / network.shape[1]

    def loss(scales: tuple[float, float]) -> float:
        given = np.exp(_log_softmax(scales[0] * network + scales[1] * neighbours)[:, 0])
        return float(-np.log((1 - _NOISE_SHARE) * given + floor).mean())

    coarse = min(product(_NETWORK_SCALES, _NEIGHBOUR_SCALES), key=loss)
    around = np.geomspace(0.6, 1 / 0.6, 7).tolist()
    return min(((coarse[0] * one, coarse[1] * other) for one, other in product(around, around)), key=loss)


def _nearness(
    held_out: HeldOut, compared: Ints, checked: Bools, embeddings: Callable[[int], Embeddings], counter: Counter
) -> Floats:
    folds = held_out.folds[: held_out.checkable]
    near = np.full(compared.shape, np.nan, np.float32)
    progress = counter("comparing with nearest neighbours", int(checked.sum()) * compared.shape[1], "pairs")
    for fold in np.unique(folds[checked]).tolist():
        mine = np.flatnonzero(folds == fold)
        near[mine] = nearness(embeddings(fold), held_out.labels, mine, compared[mine], progress=progress)
    return near


def _class_medians(odds: Wide, labels: Ints) -> Wide:
    """The median log-odds of each image's class, or of all images for classes with fewer than five, shape (N,)."""
    if not len(odds):
        return odds
    usual = np.full(int(labels.max()) + 1, np.median(odds))
    for label, group in rows_by_label(labels):
        if len(group) >= _MIN_IMAGES:
            usual[label] = np.median(odds[group])
    return np.asarray(usual[labels])


def _scattered(values: npt.NDArray[Any], checked: Bools, fill: float) -> npt.NDArray[Any]:
    """Values of the checked images, placed at their indices among all images."""
    found = np.full(len(checked), fill, values.dtype)
    found[checked] = values
    return found


def _log_softmax(values: Wide) -> Wide:
    shifted = values - values.max(axis=1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)))
