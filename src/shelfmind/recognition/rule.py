"""All fitted recognition parameters in one record: fusion, rejection of unknown objects, levels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from shelfmind.arrays import Ints
from shelfmind.errors import UserError
from shelfmind.recognition.episodes import UNKNOWN, Episode
from shelfmind.recognition.fusion import Fusion, fit_fusion, softmax
from shelfmind.recognition.levels import (
    LevelEvidence,
    Levels,
    ProductFamily,
    family_ids,
    fit_levels,
    level_evidence,
)
from shelfmind.recognition.rehearsals import Rehearsals
from shelfmind.recognition.rejection import fit_rejection
from shelfmind.recognition.unknowns import Rejection

LEARNT, WHITENING, COUNTS = "learnt", "whitening", "learnt_counts"
"""The names of the fitted arrays: training photos, whitening, and the number of photos of each class."""
TEMPERATURE = "temperature"
"""The name of the temperature of the probabilities that everything was fitted to."""


@dataclass(frozen=True)
class Rule:
    """Maps evidence to answers.

    Attributes:
        fusion: maps evidence to scores.
        rejection: rejects unknown objects.
        levels: decides between product and family; None if the answer is always the product.
        photos: number of held-out photos that everything was fitted to.
        rehearsed: kind of the rehearsals: enrolled products, or trained classes treated as such.
    """

    fusion: Fusion
    rejection: Rejection
    levels: Levels | None
    photos: int
    rehearsed: str

    def as_record(self) -> dict[str, Any]:
        """Return it as JSON values."""
        levels = None if self.levels is None else self.levels.as_record()
        return {**asdict(self), "rejection": self.rejection.as_record(), "levels": levels}

    @classmethod
    def of_record(cls, known: Mapping[str, Any]) -> Rule:
        """Restore it from `as_record`. Raises `UserError` for a record of another version."""
        try:
            return cls(
                Fusion(**known["fusion"]),
                Rejection.of_record(known["rejection"]),
                None if known["levels"] is None else Levels.of_record(known["levels"]),
                known["photos"],
                known["rehearsed"],
            )
        except (KeyError, TypeError) as error:
            raise UserError("the gallery was calibrated by another version of shelfmind; calibrate it again") from error


def fit_rule(
    rehearsals: Rehearsals,
    *,
    false_accepts: float,
    precision: float | None = None,
    families: Sequence[ProductFamily] = (),
) -> Rule:
    """Fit the fusion to some rehearsals and everything else to others.

    Raises:
        UserError: too few photos for the request.
    """
    rejecting = rehearsals.rejecting
    fusion = fit_fusion([each.part for each in rehearsals.fusing])
    levels = None
    if precision is not None:
        levels = fit_levels(_levels_of_photos(rejecting, fusion, families), precision, families)
    photos = len(np.unique(np.concatenate([episode.photos for episode in rejecting])))
    return Rule(fusion, fit_rejection(rejecting, fusion, false_accepts), levels, photos, rehearsals.rejecting_by)


def _levels_of_photos(episodes: Sequence[Episode], fusion: Fusion, families: Sequence[ProductFamily]) -> LevelEvidence:
    """Return the evidence on each known photo once, from the first episode in which it is known."""
    seen: set[int] = set()
    parts = []
    for episode in episodes:
        new = [row for row in np.flatnonzero(episode.labels != UNKNOWN) if int(episode.photos[row]) not in seen]
        if not new:
            continue
        seen |= {int(photo) for photo in episode.photos[new]}
        rows: Ints = np.array(new, np.int64)
        probabilities = softmax(fusion.scores(episode.evidence.rows(rows)))
        parts.append(level_evidence(probabilities, episode.labels[rows], family_ids(episode.names, families)))
    return LevelEvidence.joined(parts)
