"""Metrics of a run with a gallery: on trained classes, enrolled products and unknown objects."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from shelfmind.arrays import Bools, Ints
from shelfmind.evaluation.intervals import Interval, proportion_interval
from shelfmind.recognition.answers import Decisions, family_names
from shelfmind.recognition.levels import FAMILY, PRODUCT, UNDECIDED
from shelfmind.recognition.rule import Rule
from shelfmind.recognition.unknowns import CurvePoint, Separation, acceptance_curve, separation


@dataclass(frozen=True)
class Share:
    """A count of photos and its total, as a share with a 95% interval. The share is None if the total is 0."""

    count: int
    photos: int
    share: float | None
    ci95: Interval | None

    @classmethod
    def of(cls, chosen: Bools) -> Share:
        """Create it from booleans."""
        count, photos = int(chosen.sum()), len(chosen)
        if not photos:
            return cls(0, 0, None, None)
        return cls(count, photos, count / photos, proportion_interval(count, photos))


@dataclass(frozen=True)
class LevelShare:
    """The share of photos of known products answered at a level, and the share of these that is correct, or None."""

    level: str
    answered: Share
    right: Share | None


@dataclass(frozen=True)
class RecognitionFigures:
    """The metrics of an evaluation with a gallery.

    Attributes:
        trained: photos of trained classes with a correct best name.
        enrolled: photos of products that are only enrolled, with a correct best name.
        harmonic_mean: harmonic mean of the two shares, None if either is missing.
        named: photos of known products that are given a name, correct or not.
        named_rightly: those that are given the correct name.
        false_accepts: photos of unknown objects that are given a name.
        separation: separation of known and unknown photos, None if either is missing.
        levels: levels at which known products were answered; empty if no precision was requested.
        curve: results of other thresholds; from the calibration if there are no unknown photos.
        threshold: the threshold in use.
        asked_false_accepts: the false-accept rate that it was calibrated to.
        score: the score that separates known from unknown photos.
    """

    trained: Share
    enrolled: Share
    harmonic_mean: float | None
    named: Share
    named_rightly: Share
    false_accepts: Share
    separation: Separation | None
    levels: tuple[LevelShare, ...]
    curve: tuple[CurvePoint, ...]
    threshold: float
    asked_false_accepts: float
    score: str

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return asdict(self)


def recognition_figures(decisions: Decisions, labels: Ints, rule: Rule) -> RecognitionFigures:
    """Evaluate the decisions about N photos with true name indices `labels` (N,), K or more for unknown objects."""
    names = decisions.columns.names
    known = labels < len(names)
    right = known & (decisions.likeliest == labels)
    enrolled = np.array([decisions.columns.of_name(index)[0] is None for index in range(len(names))] + [False])
    is_enrolled = enrolled[np.minimum(labels, len(names))]
    trained_share, enrolled_share = Share.of(right[known & ~is_enrolled]), Share.of(right[is_enrolled])
    familiarity = np.asarray(decisions.familiarity, np.float64)
    both = known.any() and not known.all()
    return RecognitionFigures(
        trained=trained_share,
        enrolled=enrolled_share,
        harmonic_mean=harmonic_mean(trained_share.share, enrolled_share.share),
        named=Share.of(decisions.accepted[known]),
        named_rightly=Share.of((decisions.accepted & right)[known]),
        false_accepts=Share.of(decisions.accepted[~known]),
        separation=separation(familiarity[known], familiarity[~known]) if both else None,
        levels=() if rule.levels is None else _levels(decisions, labels, known, rule),
        curve=acceptance_curve(familiarity, right, known, decisions.wide_enough) if both else rule.rejection.curve,
        threshold=rule.rejection.threshold,
        asked_false_accepts=rule.rejection.false_accepts,
        score=rule.rejection.score,
    )


def harmonic_mean(first: float | None, second: float | None) -> float | None:
    """Return the harmonic mean of the accuracies on seen and unseen classes (Xian et al., TPAMI 2019, equation 3)."""
    if first is None or second is None:
        return None
    return 2 * first * second / (first + second) if first + second else 0.0


def _levels(decisions: Decisions, labels: Ints, known: Bools, rule: Rule) -> tuple[LevelShare, ...]:
    assert rule.levels is not None
    names = decisions.columns.names
    truth = family_names(names, rule.levels)
    shares = []
    for level in (PRODUCT, FAMILY, UNDECIDED):
        on = known & (np.array(decisions.levels, dtype=object) == level)
        rows = np.flatnonzero(on)
        right = None
        if level == PRODUCT:
            right = Share.of(
                np.array([decisions.names[row] == decisions.columns.names[labels[row]] for row in rows], bool)
            )
        elif level == FAMILY:
            right = Share.of(np.array([decisions.names[row] == truth[labels[row]] for row in rows], bool))
        shares.append(LevelShare(level, Share.of(on[known]), right))
    return tuple(shares)
