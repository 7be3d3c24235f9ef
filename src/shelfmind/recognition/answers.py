"""From evidence to answers: names, probabilities, and the level of certainty."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

from shelfmind.arrays import Bools, Floats, Ints
from shelfmind.recognition.evidence import Evidence
from shelfmind.recognition.fusion import softmax
from shelfmind.recognition.levels import FAMILY, PRODUCT, Levels, family_ids, family_probability
from shelfmind.recognition.rule import Rule
from shelfmind.recognition.unknowns import Scored
from shelfmind.top_probabilities import best

UNKNOWN = "unknown"


class Columns:
    """The names of the columns of evidence: C trained classes, then P enrolled products, with K distinct names."""

    def __init__(self, trained: Sequence[str], enrolled: Sequence[str]) -> None:
        self.of_columns = (*trained, *enrolled)
        self.names = tuple(dict.fromkeys(self.of_columns))
        ids = {name: index for index, name in enumerate(self.names)}
        self.ids: Ints = np.array([ids[name] for name in self.of_columns], np.int64)
        self._trained = len(trained)
        self._enrolled = {ids[name]: column for column, name in enumerate(enrolled)}

    def of_name(self, index: int) -> tuple[int | None, int | None]:
        """Return the trained class and the enrolled product of a name. Trained names come first, in their order."""
        return index if index < self._trained else None, self._enrolled.get(index)

    def merged(self, probabilities: Floats) -> Floats:
        """Return the probability of each name, (N, K), as the sum over its columns (N, C + P)."""
        if len(self.names) == len(self.of_columns):
            return probabilities
        merged = np.zeros((len(self.names), len(probabilities)), np.float32)
        np.add.at(merged, self.ids, probabilities.T)
        return merged.T


@dataclass(frozen=True)
class Decisions:
    """What is decided about N photos: the most probable name; acceptance, familiarity and sufficient margin to the
    second name, each (N,); and the level and name of the answer, None if undecided or unknown."""

    likeliest: Ints
    accepted: Bools
    familiarity: Floats
    wide_enough: Bools
    levels: tuple[str, ...]
    names: tuple[str | None, ...]
    columns: Columns

    @classmethod
    def joined(cls, parts: Sequence[Decisions]) -> Decisions:
        """Return the decisions about consecutive photos as one."""
        return cls(
            np.concatenate([each.likeliest for each in parts]),
            np.concatenate([each.accepted for each in parts]),
            np.concatenate([each.familiarity for each in parts]),
            np.concatenate([each.wide_enough for each in parts]),
            tuple(chain.from_iterable(each.levels for each in parts)),
            tuple(chain.from_iterable(each.names for each in parts)),
            parts[0].columns,
        )


@dataclass(frozen=True)
class Answers:
    """Answers for N photos: decisions, the probability of each name (N, K), and that of each column (N, C + P)."""

    decisions: Decisions
    probabilities: Floats
    column_probabilities: Floats

    def best(self, row: int, top: int) -> list[int]:
        """Return the most probable names of a photo, best first."""
        found: list[int] = best(self.probabilities[row], top).tolist()
        return found

    def from_gallery(self, row: int, index: int) -> bool:
        """Whether the stronger evidence for a name is from the gallery."""
        trained, enrolled = self.decisions.columns.of_name(index)
        if trained is None or enrolled is None:
            return trained is None
        shares = self.column_probabilities[row]
        return bool(shares[len(shares) - len(self.decisions.columns._enrolled) + enrolled] > shares[trained])


def answers_of(evidence: Evidence, rule: Rule, columns: Columns) -> Answers:
    """Apply a rule to the evidence on N photos."""
    scores = rule.fusion.scores(evidence)
    of_columns = softmax(scores)
    photos = Scored.of(evidence, scores, columns.merged(of_columns))
    accepted = rule.rejection.accepts(photos)
    levels, names = _on_levels(photos.probabilities, photos.best, accepted, rule, columns)
    familiarity = np.asarray(rule.rejection.familiarity(photos), np.float32)
    wide_enough = np.asarray(photos.margin >= rule.rejection.margin)
    decisions = Decisions(photos.best, accepted, familiarity, wide_enough, levels, names, columns)
    return Answers(decisions, photos.probabilities, of_columns)


def _on_levels(
    probabilities: Floats, likeliest: Ints, accepted: Bools, rule: Rule, columns: Columns
) -> tuple[tuple[str, ...], tuple[str | None, ...]]:
    products = [columns.names[index] for index in likeliest]
    if rule.levels is None:
        levels = [PRODUCT if each else UNKNOWN for each in accepted]
        return tuple(levels), tuple(name if each else None for name, each in zip(products, accepted, strict=True))
    found = rule.levels
    ids = family_ids(columns.names, found.families)
    on_level = found.chosen(probabilities.max(axis=1).astype(np.float64), family_probability(probabilities, ids))
    levels = [level if each else UNKNOWN for level, each in zip(on_level, accepted, strict=True)]
    named = [_named(level, name, found) for level, name in zip(levels, products, strict=True)]
    return tuple(levels), tuple(named)


def family_names(names: Sequence[str], levels: Levels) -> list[str | None]:
    """Return the family name of each name, or None."""
    return [None if family is None else family.name for family in map(levels.family_of, names)]


def _named(level: str, product: str, levels: Levels) -> str | None:
    if level == PRODUCT:
        return product
    family = levels.family_of(product) if level == FAMILY else None
    return None if family is None else family.name
