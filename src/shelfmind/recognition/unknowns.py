"""Detection of unknown objects: scores, their empirical comparison, and thresholds for a false-accept rate."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from shelfmind.arrays import Bools, Floats, Ints, Wide
from shelfmind.evaluation.matrix_rows import log_sum_exp
from shelfmind.recognition.evidence import Evidence
from shelfmind.recognition.fusion import Fusion, softmax

MARGINS = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2)
COMBINATION = "combination"
POINTS = 60
"""Number of points of a curve."""


@dataclass(frozen=True)
class Scored:
    """Fused scores of N photos: probabilities of K names (N, K), the best name (N,) and its margin to the second (N,),
    the evidence, and the scores of its columns (N, C + P)."""

    probabilities: Floats
    best: Ints
    margin: Wide
    evidence: Evidence
    scores: Wide

    @classmethod
    def of(cls, evidence: Evidence, scores: Wide, probabilities: Floats) -> Scored:
        """Create it from the scores of the columns and the probabilities of the names."""
        best = probabilities.argmax(axis=1).astype(np.int64)
        return cls(probabilities, best, margins(probabilities), evidence, scores)


def scored(evidence: Evidence, fusion: Fusion) -> Scored:
    """Return the fused scores of evidence in which each name has one column."""
    scores = fusion.scores(evidence)
    return Scored.of(evidence, scores, softmax(scores))


def margins(probabilities: Floats) -> Wide:
    """Return the best minus the second-best probability of each row, (N,)."""
    if probabilities.shape[1] < 2:
        return np.asarray(probabilities.max(axis=1), np.float64)
    two = np.partition(probabilities, -2, axis=1)[:, -2:]
    return np.asarray(two[:, 1] - two[:, 0], np.float64)


def _max_probability(photos: Scored) -> Wide:
    """Hendrycks and Gimpel, ICLR 2017."""
    return np.asarray(photos.probabilities.max(axis=1), np.float64)


def _energy(photos: Scored) -> Wide:
    """The classifier's negative free energy (Liu et al., NeurIPS 2020, equation 4), raised by the gallery's own
    evidence."""
    energies = photos.evidence.energies
    scores = photos.scores
    if energies is not None:
        scores = scores.copy()
        scores[:, : photos.evidence.trained.shape[1]] += energies[:, None]
    return log_sum_exp(scores)


def _prototype(photos: Scored) -> Wide:
    """The cosine to the nearest prototype."""
    return np.asarray(photos.evidence.nearest_prototype, np.float64)


def _photo(photos: Scored) -> Wide:
    """The cosine to the nearest photo (Sun et al., ICML 2022, with k = 1)."""
    return np.asarray(photos.evidence.nearest_photo, np.float64)


def _margin(photos: Scored) -> Wide:
    return photos.margin


SCORES: dict[str, Callable[[Scored], Wide]] = {
    "max_probability": _max_probability,
    "energy": _energy,
    "prototype": _prototype,
    "photo": _photo,
    "margin": _margin,
}
"""Familiarity scores (N,), higher for known photos. Their combination is a logistic regression on all of them."""


@dataclass(frozen=True)
class Familiarities:
    """All scores of N photos (N, S), in the order of `SCORES`, and their best names and margins, (N,) each."""

    scores: Wide
    best: Ints
    margin: Wide

    @classmethod
    def of(cls, photos: Scored) -> Familiarities:
        """Compute all scores."""
        return cls(np.stack([score(photos) for score in SCORES.values()], axis=1), photos.best, photos.margin)

    def named(self, name: str) -> Wide:
        """Return the scores of one name, (N,)."""
        return np.asarray(self.scores[:, list(SCORES).index(name)])


@dataclass(frozen=True)
class Combination:
    """A logistic regression on standardised scores, in the order of `SCORES`."""

    means: tuple[float, ...]
    deviations: tuple[float, ...]
    weights: tuple[float, ...]

    def __call__(self, scores: Wide) -> Wide:
        """Return the familiarity (N,) of photos with all scores (N, S)."""
        return np.asarray((scores - self.means) / self.deviations @ np.array(self.weights))


@dataclass(frozen=True)
class Separation:
    """How well a score separates known from unknown photos: area under the ROC curve, and the share of unknown photos
    accepted at the threshold that accepts 95% of known ones."""

    auroc: float
    fpr95: float


@dataclass(frozen=True)
class CurvePoint:
    """At a threshold: shares of known photos answered, of correct ones among these, and of unknown photos accepted."""

    threshold: float
    answered: float
    right: float
    false_accepts: float


@dataclass(frozen=True)
class Rejection:
    """Rejects photos as unknown if their score is below the threshold or their margin to the second name is too small.

    Attributes:
        score: a name of `SCORES`, or the combination.
        threshold: minimum score.
        margin: minimum margin.
        false_accepts: the requested false-accept rate.
        unknown_photos: number of unknown photos that it was calibrated on.
        combination: the combination, if it is the score.
        separations: separation by every score, on photos that it was not fitted to.
        curve: results of other thresholds.
    """

    score: str
    threshold: float
    margin: float
    false_accepts: float
    unknown_photos: int
    combination: Combination | None = None
    separations: Mapping[str, Separation] = field(default_factory=dict)
    curve: tuple[CurvePoint, ...] = ()

    def familiarity(self, photos: Scored) -> Wide:
        """Return the familiarity of N photos, (N,)."""
        if self.combination is not None:
            return self.combination(Familiarities.of(photos).scores)
        return SCORES[self.score](photos)

    def accepts(self, photos: Scored) -> Bools:
        """Return whether each of N photos is given its best name, (N,)."""
        return np.asarray((self.familiarity(photos) >= self.threshold) & (photos.margin >= self.margin))

    def as_record(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return asdict(self)

    @classmethod
    def of_record(cls, known: Mapping[str, Any]) -> Rejection:
        """Restore it from `as_record`."""
        combination = known["combination"]
        return cls(
            known["score"],
            known["threshold"],
            known["margin"],
            known["false_accepts"],
            known["unknown_photos"],
            None if combination is None else Combination(*(tuple(combination[key]) for key in _PARTS)),
            {name: Separation(**each) for name, each in known["separations"].items()},
            tuple(CurvePoint(**each) for each in known["curve"]),
        )


_PARTS = ("means", "deviations", "weights")


def separation(known: Wide, unknown: Wide) -> Separation:
    """Return how well scores separate known from unknown photos. The area is Mann and Whitney's statistic (1947), in
    which ties count half."""
    in_order = np.sort(unknown)
    below, not_above = (np.searchsorted(in_order, known, side=side) for side in ("left", "right"))
    auroc = float((below + not_above).mean()) / (2 * len(unknown))
    passing = np.searchsorted(np.arange(1, len(known) + 1) / len(known), 0.95)
    return Separation(auroc, float((unknown >= np.sort(known)[::-1][passing]).mean()))


def acceptance_curve(
    familiarity: Wide, right: Bools, known: Bools, allowed: Bools, points: int = POINTS
) -> tuple[CurvePoint, ...]:
    """Return the results of thresholds between the extremes of N photos' familiarity.

    `right` is whether the best name is correct, `allowed` whether its margin is wide enough.
    """
    found = []
    for threshold in np.quantile(familiarity, np.linspace(0, 1, points)):
        answered = allowed & (familiarity >= threshold)
        rightly = right[known & answered]
        found.append(
            CurvePoint(
                float(threshold),
                float(answered[known].mean()),
                float(rightly.mean()) if len(rightly) else 1.0,
                float(answered[~known].mean()),
            )
        )
    return tuple(found)


def fit_combination(photos: Sequence[Familiarities], known: Sequence[Bools]) -> Combination:
    """Fit a logistic regression to the scores of photos, with equal total weight for known and unknown ones."""
    from sklearn.linear_model import LogisticRegression  # inference does not need scikit-learn

    columns = np.concatenate([each.scores for each in photos])
    means, deviations = columns.mean(axis=0), columns.std(axis=0) + 1e-9
    model = LogisticRegression(class_weight="balanced", max_iter=1000)
    model.fit((columns - means) / deviations, np.concatenate(known))
    return Combination(*(tuple(map(float, each)) for each in (means, deviations, model.coef_[0])))
