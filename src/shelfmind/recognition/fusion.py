"""Fuse the evidence on each name into one score, with maximum-likelihood weights on held-out labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields

import numpy as np

from shelfmind.arrays import Floats, Ints, Wide
from shelfmind.evaluation.matrix_rows import log_sum_exp
from shelfmind.recognition.evidence import Evidence

PENALTY = 1e-4
"""L2 penalty, so that uninformative features get no weight."""


@dataclass(frozen=True)
class Fusion:
    """A conditional logit model (McFadden, 1974): scores are linear in the evidence, and their softmax over all names
    gives probabilities.

    A trained class has ``probability * log p + trained * cosine to its prototype + trained_photo * cosine to its most
    similar photo``, an enrolled product ``prototype * cosine to its prototype + photo * cosine to its most similar
    photo + offset + count * log photos``. `offset` keeps classes with a classifier from dominating those without
    (calibrated stacking: Chao et al., ECCV 2016).
    """

    probability: float
    trained: float
    trained_photo: float
    prototype: float
    photo: float
    offset: float
    count: float

    def scores(self, evidence: Evidence) -> Wide:
        """Return scores (N, C + P)."""
        return np.concatenate([feature @ weights for feature, weights in _parts(evidence, self._weights)], axis=1)

    def as_record(self) -> dict[str, float]:
        """Return it as JSON values."""
        return asdict(self)

    @property
    def _weights(self) -> Wide:
        return np.array([getattr(self, each.name) for each in fields(self)], np.float64)


def fit_fusion(parts: Sequence[tuple[Evidence, Ints]]) -> Fusion:
    """Fit the maximum-likelihood weights. All except `offset` and `count` are non-negative.

    Each part is evidence with the column of each photo's true name, (N,). Every name of a part has the same weight,
    whatever its number of photos, so that neither trained nor enrolled names are favoured. The negative log-likelihood
    is convex and minimised by L-BFGS-B.
    """
    from scipy.optimize import minimize  # inference does not need SciPy

    features = [(_dense(evidence), labels, _balanced(labels)) for evidence, labels in parts]
    total = sum(float(weights.sum()) for _, _, weights in features)

    def loss(weights: Wide) -> tuple[float, Wide]:
        value, gradient = PENALTY * float(weights @ weights), 2 * PENALTY * weights
        for dense, labels, importance in features:
            scores = dense @ weights
            log_sums = log_sum_exp(scores)
            rows = np.arange(len(labels))
            value += float(importance @ (log_sums - scores[rows, labels])) / total
            shares = np.exp(scores - log_sums[:, None]) * importance[:, None]
            expected = np.einsum("nk,nkf->f", shares, dense)
            gradient = gradient + (expected - importance @ dense[rows, labels]) / total
        return value, gradient

    start = np.array([1.0, 1.0, 1.0, 5.0, 5.0, 0.0, 0.0])
    bounds = [(0, None)] * 5 + [(None, None)] * 2
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds)
    return Fusion(*(float(each) for each in found.x))


def softmax(scores: Wide) -> Floats:
    """Return probabilities (N, K)."""
    return np.asarray(np.exp(scores - log_sum_exp(scores)[:, None]), np.float32)


def _parts(evidence: Evidence, weights: Wide) -> list[tuple[Wide, Wide]]:
    """Return features of trained classes (N, C, 3) and of enrolled products (N, P, 4), each with its weights."""
    of_trained = (evidence.log_probabilities, evidence.trained, evidence.trained_photos)
    trained = np.stack(of_trained, axis=2).astype(np.float64)
    log_counts = np.broadcast_to(np.log(np.maximum(evidence.counts, 1)), evidence.photos.shape)
    ones = np.ones_like(evidence.photos)
    enrolled = np.stack([evidence.prototypes, evidence.photos, ones, log_counts], axis=2).astype(np.float64)
    return [(trained, weights[:3]), (enrolled, weights[3:])]


def _dense(evidence: Evidence) -> Wide:
    """Return all features of all columns, (N, C + P, 7)."""
    (trained, _), (enrolled, _) = _parts(evidence, np.zeros(7))
    dense = np.zeros((len(evidence), trained.shape[1] + enrolled.shape[1], 7))
    dense[:, : trained.shape[1], :3] = trained
    dense[:, trained.shape[1] :, 3:] = enrolled
    return dense


def _balanced(labels: Ints) -> Wide:
    """Return sample weights (N,) that give every name the same total weight."""
    return np.asarray(1.0 / np.bincount(labels)[labels], np.float64)
