"""Everything that is fitted for answering, in one record: fusion, rejection of unknown objects, levels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from shelfmind.arrays import Ints
from shelfmind.errors import UserError
from shelfmind.recognition.episodes import UNKNOWN, Episode, known_parts
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
"""The arrays of what was fitted: photos of trained classes, how embeddings are whitened; and how many of each class."""


@dataclass(frozen=True)
class Rule:
    """How evidence becomes an answer.

    Attributes:
        fusion: evidence to scores.
        rejection: what is unknown.
        levels: from when on a product or only its family is named; None: the product always.
        photos: held-out photos that all this was fitted to.
        rehearsed: of what: enrolled products, or trained classes that were treated as such.
    """

    fusion: Fusion
    rejection: Rejection
    levels: Levels | None
    photos: int
    rehearsed: str

    def as_record(self) -> dict[str, Any]:
        """For JSON."""
        levels = None if self.levels is None else self.levels.as_record()
        return {**asdict(self), "rejection": self.rejection.as_record(), "levels": levels}

    @classmethod
    def of_record(cls, known: Mapping[str, Any]) -> Rule:
        """What `as_record` gave. Raises `UserError` for a record of another version."""
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
    """Fit the fusion to some rehearsals, and with it all else to others.

    Raises:
        UserError: too few photos for what is asked.
    """
    rejecting = rehearsals.rejecting
    fusion = fit_fusion(known_parts(rehearsals.fusing))
    levels = None
    if precision is not None:
        levels = fit_levels(_levels_of_photos(rejecting, fusion, families), precision, families)
    photos = len(np.unique(np.concatenate([episode.photos for episode in rejecting])))
    return Rule(fusion, fit_rejection(rejecting, fusion, false_accepts), levels, photos, rehearsals.rejecting_by)


def _levels_of_photos(episodes: Sequence[Episode], fusion: Fusion, families: Sequence[ProductFamily]) -> LevelEvidence:
    """Each known photo once, as in the first episode that knows it."""
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
