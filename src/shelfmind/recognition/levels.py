"""An answer on the level that is sure: the product, else its family, else none."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from shelfmind.arrays import Bools, Floats, Ints, Wide
from shelfmind.errors import UserError, argument
from shelfmind.nouns import counted

PRODUCT, FAMILY, UNDECIDED = "product", "family", "undecided"
NEVER = float(np.nextafter(1.0, 2.0))
"""A threshold that no probability reaches."""
_LEAST_COMMON = 3


@dataclass(frozen=True)
class ProductFamily:
    """Products that are taken for one another, or that someone put together; what they are called together."""

    name: str
    members: tuple[str, ...]

    @property
    def words(self) -> str:
        """The family as an answer for people: "Fuxing liquor 250 ml, one of 2"."""
        return self.name if self.name == _either(self.members) else f"{self.name}, one of {len(self.members)}"


@dataclass(frozen=True)
class LevelFigures:
    """Of the held-out photos of known products: the share answered on a level, and the share of these that is right."""

    share: float
    right: float | None


@dataclass(frozen=True)
class Levels:
    """From which probability on a product is named, or only its family, so that a share `precision` of answers on
    either level is right.

    Attributes:
        precision: what was asked for.
        product: least probability of a product.
        family: least probability of a family.
        families: which there are.
        figures: of each level, on photos that the thresholds were not fitted to.
        photos: how many they were fitted to.
    """

    precision: float
    product: float
    family: float
    families: tuple[ProductFamily, ...]
    figures: Mapping[str, LevelFigures]
    photos: int

    def chosen(self, product: Wide, family: Wide) -> list[str]:
        """The level of each of N answers whose product and whose family have these probabilities."""
        return [str(level) for level in _levels_of(product, family, self.product, self.family)]

    def family_of(self, name: str) -> ProductFamily | None:
        """The family of a product, if it has any."""
        return next((each for each in self.families if name in each.members), None)

    def as_record(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)

    @classmethod
    def of_record(cls, known: Mapping[str, Any]) -> Levels:
        """What `as_record` gave."""
        families = tuple(ProductFamily(each["name"], tuple(each["members"])) for each in known["families"])
        figures = {level: LevelFigures(**each) for level, each in known["figures"].items()}
        return cls(known["precision"], known["product"], known["family"], families, figures, known["photos"])


@dataclass(frozen=True)
class LevelEvidence:
    """Of N held-out photos: the best product's probability and whether it is the right one, and the same of its family,
    whose probability is 0 for a product without any."""

    product: Wide
    product_right: Bools
    family: Wide
    family_right: Bools

    def rows(self, chosen: Ints) -> LevelEvidence:
        """The same of some of the photos."""
        return LevelEvidence(
            self.product[chosen], self.product_right[chosen], self.family[chosen], self.family_right[chosen]
        )

    @classmethod
    def joined(cls, parts: Sequence[LevelEvidence]) -> LevelEvidence:
        """Several one after another."""
        return cls(
            np.concatenate([each.product for each in parts]),
            np.concatenate([each.product_right for each in parts]),
            np.concatenate([each.family for each in parts]),
            np.concatenate([each.family_right for each in parts]),
        )


def family_ids(names: Sequence[str], families: Sequence[ProductFamily]) -> Ints:
    """The family of each name, (K,); -1 for one without."""
    of_name = {member: index for index, family in enumerate(families) for member in family.members}
    return np.array([of_name.get(name, -1) for name in names], np.int64)


def level_evidence(probabilities: Floats, labels: Ints, ids: Ints) -> LevelEvidence:
    """What the probabilities (N, K) of products with families `ids` (K,) say of photos with true columns (N,)."""
    rows = np.arange(len(labels))
    best = probabilities.argmax(axis=1)
    family_right = (ids[best] >= 0) & (ids[best] == ids[labels])
    return LevelEvidence(
        np.asarray(probabilities[rows, best], np.float64),
        best == labels,
        family_probability(probabilities, ids),
        family_right,
    )


def family_probability(probabilities: Floats, ids: Ints) -> Wide:
    """The probability of the best product's family, (N,); 0 where it has none."""
    wanted = ids[probabilities.argmax(axis=1)]
    sums = (probabilities * (ids[None, :] == wanted[:, None])).sum(axis=1)
    return np.where(wanted >= 0, sums, 0.0).astype(np.float64)


def fit_levels(evidence: LevelEvidence, precision: float, families: Sequence[ProductFamily], seed: int = 0) -> Levels:
    """The least probabilities at which answers are right with the asked precision on both levels.

    Of n answers at least `precision` of n + 1 must be right, so that a further one is with that probability. The
    figures are of the half of the photos that thresholds were not fitted to, in turns. A level that cannot reach the
    precision is never answered on.

    Raises:
        UserError: a precision outside (0, 1), or too few photos for it.
    """
    if not 0 < precision < 1:
        raise UserError(f"{argument('precision')} must lie between 0 and 1, got {precision}")
    least = int(np.ceil(precision / (1 - precision)))
    if len(evidence.product) < least:
        raise UserError(
            f"{argument('precision', precision)} needs at least {counted(least, 'labelled photo')}, there are "
            f"{len(evidence.product):,}"
        )
    order = np.random.default_rng(seed).permutation(len(evidence.product))
    levels = np.empty(len(order), dtype=object)
    for part in (0, 1):
        own, other = order[part::2], order[1 - part :: 2]
        tested = evidence.rows(own)
        levels[own] = _levels_of(tested.product, tested.family, *_thresholds(evidence.rows(other), precision))
    return Levels(
        precision,
        *_thresholds(evidence, precision),
        tuple(families),
        {level: _figures(evidence, levels == level, level) for level in (PRODUCT, FAMILY, UNDECIDED)},
        len(order),
    )


def _levels_of(product: Wide, family: Wide, least_product: float, least_family: float) -> Any:
    """The level that each of N photos is answered on."""
    on_family = np.where(family >= least_family, FAMILY, UNDECIDED)
    return np.where(product >= least_product, PRODUCT, on_family)


def _thresholds(evidence: LevelEvidence, precision: float) -> tuple[float, float]:
    product = _least(evidence.product, evidence.product_right, precision)
    left = (evidence.product < product) & (evidence.family > 0)
    return product, _least(evidence.family[left], evidence.family_right[left], precision)


def _least(probability: Wide, right: Bools, precision: float) -> float:
    """The least probability from which on answers have the precision, one that counts as wrong added."""
    order = np.argsort(-probability, kind="stable")
    hits = np.cumsum(right[order])
    enough = np.flatnonzero(hits >= precision * (np.arange(len(order)) + 2))
    return float(probability[order[enough[-1]]]) if len(enough) else NEVER


def _figures(evidence: LevelEvidence, on: Bools, level: str) -> LevelFigures:
    right = {PRODUCT: evidence.product_right, FAMILY: evidence.family_right}.get(level)
    return LevelFigures(float(on.mean()), None if right is None or not on.any() else float(right[on].mean()))


def named_families(groups: Sequence[Sequence[str]]) -> tuple[ProductFamily, ...]:
    """Families of two products or more, called by what their names begin with if no other family is, or by members."""
    several = [group for group in groups if len(group) > 1]
    shared = [_common_name(group) for group in several]
    names = [name if name and shared.count(name) == 1 else None for name in shared]
    return tuple(
        ProductFamily(name or _either(group), tuple(group)) for name, group in zip(names, several, strict=True)
    )


def families_of_broader(names: Sequence[str], broader: Mapping[str, str]) -> tuple[ProductFamily, ...]:
    """The families of products that a table puts under broader names."""
    members: dict[str, list[str]] = {}
    for name in names:
        if name in broader:
            members.setdefault(broader[name], []).append(name)
    return tuple(ProductFamily(family, tuple(of)) for family, of in members.items() if len(of) > 1)


def _either(members: Sequence[str]) -> str:
    return " or ".join(members) if len(members) == 2 else f"{members[0]} or one of {len(members) - 1} like it"


def _common_name(names: Sequence[str]) -> str | None:
    """What all names begin with, up to a break between words, if it says anything."""
    prefix = os.path.commonprefix(list(names))  # noqa: RUF071 (names, not paths)
    whole = prefix if prefix in names else re.sub(r"[A-Za-z0-9]*$", "", prefix)
    common = whole.strip(" -_/,.(（、")
    return common if len(common) >= _LEAST_COMMON or re.search(r"[\u4e00-\u9fff]{2}", common) else None
