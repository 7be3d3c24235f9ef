"""Choose the score for unknown objects and its thresholds by rehearsals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from shelfmind.arrays import Bools, Ints, Wide
from shelfmind.errors import UserError, argument
from shelfmind.nouns import counted
from shelfmind.recognition.episodes import UNKNOWN, Episode
from shelfmind.recognition.fusion import Fusion
from shelfmind.recognition.unknowns import (
    COMBINATION,
    MARGINS,
    SCORES,
    Familiarities,
    Rejection,
    acceptance_curve,
    fit_combination,
    scored,
    separation,
)


@dataclass(frozen=True)
class _Rehearsed:
    """All photos of all episodes: familiarity, margin, whether the photo is known and correctly named, and the photo's
    identity; all (N,)."""

    familiarity: Wide
    margin: Wide
    known: Bools
    right: Bools
    photos: Ints


def fit_rejection(episodes: Sequence[Episode], fusion: Fusion, false_accepts: float) -> Rejection:
    """Fit the score that best separates known from unknown photos, and the threshold and margin at which at most a
    share `false_accepts` of unknown photos is given a name.

    The combination is evaluated on the half of the episodes that it was not fitted to. The threshold holds for a
    further unknown photo of the same kind with the requested probability, as in split conformal prediction (Vovk et al.
    2005): it is the (k + 1)-th highest familiarity of n unknown photos, with the largest k such that
    (k + 1) / (n + 1) is at most the rate.

    Raises:
        UserError: too few unknown photos for that rate.
    """
    photos = [Familiarities.of(scored(each.evidence, fusion)) for each in episodes]
    known = [each.labels != UNKNOWN for each in episodes]
    separations = {name: separation(*_separated([each.named(name) for each in photos], known)) for name in SCORES}
    separations[COMBINATION] = separation(*_separated(_cross_fitted(photos, known), known))
    best = max(separations, key=lambda name: separations[name].auroc)
    combination = fit_combination(photos, known) if best == COMBINATION else None
    rehearsed = _Rehearsed(
        np.concatenate([each.named(best) if combination is None else combination(each.scores) for each in photos]),
        np.concatenate([each.margin for each in photos]),
        np.concatenate(known),
        np.concatenate([each.best == episode.labels for each, episode in zip(photos, episodes, strict=True)]),
        np.concatenate([each.photos for each in episodes]),
    )
    margin = max(MARGINS, key=lambda least: _correctly_answered(rehearsed, least, false_accepts))
    threshold = _threshold(rehearsed, margin, false_accepts)
    return Rejection(
        score=best,
        threshold=threshold,
        margin=margin,
        false_accepts=false_accepts,
        unknown_photos=_distinct(rehearsed),
        combination=combination,
        separations=separations,
        curve=acceptance_curve(rehearsed.familiarity, rehearsed.right, rehearsed.known, rehearsed.margin >= margin),
    )


def least_unknown(false_accepts: float) -> int:
    """Return the minimum number of unknown photos for a threshold of this rate."""
    return int(np.ceil(1 / false_accepts - 1e-9)) - 1


def _separated(values: Sequence[Wide], known: Sequence[Bools]) -> tuple[Wide, Wide]:
    """Return the values of known and of unknown photos."""
    together, truth = np.concatenate(values), np.concatenate(known)
    return together[truth], together[~truth]


def _cross_fitted(photos: Sequence[Familiarities], known: Sequence[Bools]) -> list[Wide]:
    """Return the cross-fitted scores of the combination: each half of the episodes by the fit to the other."""
    if len(photos) < 2:
        return [fit_combination(photos, known)(each.scores) for each in photos]
    halves = [fit_combination(photos[part::2], known[part::2]) for part in (1, 0)]
    return [halves[index % 2](each.scores) for index, each in enumerate(photos)]


def _distinct(rehearsed: _Rehearsed) -> int:
    return len(np.unique(rehearsed.photos[~rehearsed.known]))


def _threshold(rehearsed: _Rehearsed, margin: float, false_accepts: float) -> float:
    """Return the minimum familiarity for the rate of unknown photos. Raises `UserError` if there are too few photos."""
    distinct = _distinct(rehearsed)
    allowed = (int(false_accepts * (distinct + 1) + 1e-9) - 1) / max(1, distinct)
    if allowed < 0:
        needed = counted(least_unknown(false_accepts), "photo")
        raise UserError(
            f"{argument('false_accepts', false_accepts)} needs at least {needed} that can be rehearsed as unknown, but "
            f"there are {distinct:,}; set a higher rate or provide more labelled photos"
        )
    return _at_rate(rehearsed.familiarity[~rehearsed.known], rehearsed.margin[~rehearsed.known], margin, allowed)


def _at_rate(familiarity: Wide, margins: Wide, margin: float, allowed: float) -> float:
    """Return the threshold that at most a share `allowed` of these photos passes. The margin excludes photos, too."""
    passing = np.sort(familiarity[margins >= margin])[::-1]
    most = int(allowed * len(familiarity) + 1e-9)
    return float(np.nextafter(passing[most], np.inf)) if most < len(passing) else float(np.min(familiarity))


def _correctly_answered(rehearsed: _Rehearsed, margin: float, false_accepts: float) -> float:
    """Return the share of known photos that are given their correct name."""
    threshold = _threshold(rehearsed, margin, false_accepts)
    answered = (rehearsed.familiarity >= threshold) & (rehearsed.margin >= margin)
    return float((answered & rehearsed.right)[rehearsed.known].mean())
