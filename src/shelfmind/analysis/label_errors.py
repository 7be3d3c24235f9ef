"""Scores every label by two opinions: the out-of-fold probability and the nearest images in the same network's eyes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from shelfmind.analysis.confident_learning import NO_CLASS, NoiseEstimate, Scan, estimate_noise, scan
from shelfmind.analysis.held_out import HeldOut
from shelfmind.analysis.neighbours import Embeddings, nearness
from shelfmind.analysis.outliers import outlier_scores
from shelfmind.progress import Counter, count_silently

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]
Wide = npt.NDArray[np.float64]

NEIGHBOURS_WEIGHT = 0.75
"""Weight of the neighbours' opinion beside the network's, chosen on generated data of seeds that report no figure."""
FLAG_ABOVE = 1.0
"""Flagged is a label whose best other class is e times as likely, or more; chosen likewise."""
OUTLIER_ABOVE = 4.0
"""An image this many deviations farther from the nearest class than that class's own images fits none."""
_LEAST_CHANCE = 1e-6
_LEAST_SHARE = 1e-3
_TEMPERATURES = np.geomspace(1e-3, 1e2, 51)


@dataclass(frozen=True)
class LabelCheck:
    """What is said of the labels of N judged images; arrays have shape (N,).

    `score` in 0..1 is the share of the best other class beside the given one in the two opinions together: 0.5 where
    both are as likely, near 1 where the label is almost surely wrong. `suggested` is that other class, `NO_CLASS` where
    the image is an outlier that fits none. `self_confidence` and `margin` are the network's alone, `neighbours` is the
    neighbours' probability of the given label, `outlier` how many deviations the image lies farther from its nearest
    class than that class's own images, NaN where nothing can be compared.
    """

    scanned: Scan
    noise: NoiseEstimate
    score: Wide
    suggested: Ints
    flagged: Bools
    neighbours: Floats
    outlier: Floats

    @property
    def self_confidence(self) -> Floats:
        """The network's probability of the given label."""
        return self.scanned.given

    @property
    def margin(self) -> Floats:
        """That less the probability of the best other class."""
        return self.scanned.margin

    def ranking(self) -> Ints:
        """The images from the most to the least suspicious."""
        return np.argsort(-self.score, kind="stable").astype(np.int64)


def check_labels(
    probabilities: npt.NDArray[np.floating[Any]],
    held_out: HeldOut,
    embeddings: Callable[[int], Embeddings],
    counter: Counter = count_silently,
) -> LabelCheck:
    """Judge the first `held_out.judged` labels by out-of-fold `probabilities` (N, C) and each fold's `embeddings`.

    Both may be memory-mapped: rows are read in chunks, and working memory does not grow with their number but for a
    few figures an image. `embeddings(fold)` has a row for every image of `held_out`, those that the fold's network was
    trained on too: a held-out image is compared with all of them, in the eyes of one network that never saw it.

    Raises `UserError` for rows that are no probability distributions.
    """
    labels = held_out.labels[: held_out.judged]
    scanned = scan(probabilities, labels, counter("reading probabilities", len(labels)))
    noise = estimate_noise(probabilities, scanned)
    asked = np.concatenate([labels[:, None], scanned.candidates], axis=1)
    near = _nearness(held_out, asked, embeddings, counter)
    chances = np.concatenate([scanned.given[:, None], scanned.chances], axis=1)
    return judge(scanned, noise, asked, chances, near)


def judge(scanned: Scan, noise: NoiseEstimate, asked: Ints, chances: Floats, near: Floats) -> LabelCheck:
    """Bring the two opinions together.

    `asked` (N, K) are classes, the given one first, `chances` the network's probabilities of them and `near` how near
    the image lies to each. Both become shares of the classes asked about, sharpened or softened by the temperature at
    which they say most of the given labels (one number for each opinion, fitted without knowing which labels are
    wrong), so that neither can drown the other; then their logarithms are averaged with `NEIGHBOURS_WEIGHT`.
    """
    network = _log_shares(np.log(np.maximum(chances, _LEAST_CHANCE)).astype(np.float64))
    lowest = np.nanmin(near) if np.isfinite(near).any() else 0.0
    known = np.isfinite(near).any(axis=1)
    by_neighbours = _log_shares(np.where(np.isfinite(near), near, lowest).astype(np.float64))
    weight = np.where(known, NEIGHBOURS_WEIGHT, 0.0)[:, None]
    joint = weight * by_neighbours + (1 - weight) * network
    best = joint[:, 1:].argmax(axis=1) + 1
    rows = np.arange(len(joint))
    odds = joint[rows, best] - joint[:, 0]
    outlier = outlier_scores(asked, near)
    flagged = odds > FLAG_ABOVE
    suggested = np.where(outlier > OUTLIER_ABOVE, NO_CLASS, asked[rows, best])
    score = 1.0 / (1.0 + np.exp(-odds))
    return LabelCheck(
        scanned, noise, score, suggested, flagged, np.exp(by_neighbours[:, 0]).astype(np.float32), outlier
    )


def _nearness(held_out: HeldOut, asked: Ints, embeddings: Callable[[int], Embeddings], counter: Counter) -> Floats:
    folds = held_out.folds[: held_out.judged]
    near = np.full(asked.shape, np.nan, np.float32)
    progress = counter("comparing with neighbours", asked.size)
    for fold in held_out.used_folds:
        mine = np.flatnonzero(folds == fold)
        near[mine] = nearness(embeddings(fold), held_out.labels, mine, asked[mine], progress=progress)
    return near


def _log_shares(evidence: Wide) -> Wide:
    """The logarithm of each row's softmax at the temperature at which the first column, the given label, scores best.

    The share is cut below at `_LEAST_SHARE` when temperatures are compared, so that wrong labels do not decide.
    """

    def loss(temperature: float) -> float:
        return float(-np.log(np.maximum(np.exp(_log_softmax(evidence / temperature)[:, 0]), _LEAST_SHARE)).mean())

    best = min(_TEMPERATURES.tolist(), key=loss) if len(evidence) else 1.0
    return _log_softmax(evidence / best)


def _log_softmax(values: Wide) -> Wide:
    shifted = values - values.max(axis=1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)))
