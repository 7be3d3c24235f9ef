"""Fuse the evidence on each name into one score, with maximum-likelihood weights on held-out labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields

import numpy as np

from shelfmind.arrays import Floats, Ints, Wide
from shelfmind.evaluation.matrix_rows import log_sum_exp, row_chunks
from shelfmind.recognition.evidence import Evidence

PENALTY = 1e-4
"""L2 penalty, so that uninformative features get no weight."""
TRAINED, ENROLLED = 3, 4
"""Numbers of features of a trained class and of an enrolled product."""
_CHUNK_VALUES = 1_000_000


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
        return _scores(evidence, self._weights)

    def as_record(self) -> dict[str, float]:
        """Return it as JSON values."""
        return asdict(self)

    @property
    def _weights(self) -> Wide:
        return np.array([getattr(self, each.name) for each in fields(self)], np.float64)


def fit_fusion(parts: Sequence[tuple[Evidence, Ints]]) -> Fusion:
    """Fit the maximum-likelihood weights. All except `offset` and `count` are non-negative.

    Each part is evidence with the column of each photo's true name, (N,); photos without one (negative) are left out.
    Every name of a part has the same weight, whatever its number of photos, so that neither trained nor enrolled names
    are favoured. The negative log-likelihood is convex and minimised by L-BFGS-B.
    """
    from scipy.optimize import minimize  # inference does not need SciPy

    prepared = [_Part.of(evidence, labels) for evidence, labels in parts]
    total = sum(float(part.importance.sum()) for part in prepared)

    def loss(weights: Wide) -> tuple[float, Wide]:
        value, gradient = PENALTY * float(weights @ weights), 2 * PENALTY * weights
        for part in prepared:
            for rows in row_chunks(len(part.known), part.columns, _CHUNK_VALUES):
                evidence = part.evidence.rows(part.known[rows])
                truth, importance = part.truth[rows], part.importance[rows]
                scores = _scores(evidence, weights)
                log_sums = log_sum_exp(scores)
                value += float(importance @ (log_sums - truth @ weights)) / total
                shares = np.exp(scores - log_sums[:, None]) * importance[:, None]
                gradient = gradient + (_weighted_sums(evidence, shares) - importance @ truth) / total
        return value, gradient

    start = np.array([1.0, 1.0, 1.0, 5.0, 5.0, 0.0, 0.0])
    bounds = [(0, None)] * 5 + [(None, None)] * 2
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds)
    return Fusion(*(float(each) for each in found.x))


def softmax(scores: Wide) -> Floats:
    """Return probabilities (N, K)."""
    return np.asarray(np.exp(scores - log_sum_exp(scores)[:, None]), np.float32)


@dataclass(frozen=True)
class _Part:
    """Evidence, its K photos with a true name, the features of these names (K, 7), and sample weights (K,)."""

    evidence: Evidence
    known: Ints
    truth: Wide
    importance: Wide

    @classmethod
    def of(cls, evidence: Evidence, labels: Ints) -> _Part:
        trained, truth = evidence.trained.shape[1], np.zeros((len(labels), TRAINED + ENROLLED))
        seen, new = np.flatnonzero((labels >= 0) & (labels < trained)), np.flatnonzero(labels >= trained)
        for place, feature in enumerate(_of_trained(evidence)):
            truth[seen, place] = feature[seen, labels[seen]]
        for place, feature in enumerate(_of_enrolled(evidence), TRAINED):
            truth[new, place] = feature[new, labels[new] - trained]
        known = np.flatnonzero(labels >= 0)
        return cls(evidence, known, truth[known], _balanced(labels[known]))

    @property
    def columns(self) -> int:
        return self.evidence.trained.shape[1] + self.evidence.photos.shape[1]


def _of_trained(evidence: Evidence) -> tuple[Floats | Wide, ...]:
    """Return the features of trained classes, (N, C) each."""
    return evidence.log_probabilities, evidence.trained, evidence.trained_photos


def _of_enrolled(evidence: Evidence) -> tuple[Floats | Wide, ...]:
    """Return the features of enrolled products, (N, P) each."""
    shape = evidence.photos.shape
    log_counts = np.log(np.maximum(evidence.counts, 1))
    return evidence.prototypes, evidence.photos, np.broadcast_to(1.0, shape), np.broadcast_to(log_counts, shape)


def _scores(evidence: Evidence, weights: Wide) -> Wide:
    """Return scores (N, C + P)."""
    trained = evidence.trained.shape[1]
    scores = np.zeros((len(evidence), trained + evidence.photos.shape[1]))
    for feature, weight in zip(_of_trained(evidence), weights[:TRAINED], strict=True):
        scores[:, :trained] += weight * feature.astype(np.float64)
    for feature, weight in zip(_of_enrolled(evidence), weights[TRAINED:], strict=True):
        scores[:, trained:] += weight * feature.astype(np.float64)
    return scores


def _weighted_sums(evidence: Evidence, shares: Wide) -> Wide:
    """Return the sum of each feature over photos and columns, weighted by `shares` (N, C + P): (7,)."""
    trained = evidence.trained.shape[1]
    sums = [np.einsum("nk,nk->", shares[:, :trained], feature) for feature in _of_trained(evidence)]
    sums += [np.einsum("nk,nk->", shares[:, trained:], feature) for feature in _of_enrolled(evidence)]
    return np.array(sums, np.float64)


def _balanced(labels: Ints) -> Wide:
    """Return sample weights (N,) that give every name the same total weight."""
    return np.asarray(1.0 / np.bincount(labels)[labels], np.float64)
