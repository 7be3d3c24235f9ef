"""Answer at the most specific certain level: the product, its family, or nothing."""

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
"""An unreachable threshold."""
_MIN_COMMON_LENGTH = 3


@dataclass(frozen=True)
class ProductFamily:
    """A family of products, found by confusions or given by a table, with its name."""

    name: str
    members: tuple[str, ...]

    @property
    def words(self) -> str:
        """The family as a readable answer: "Fuxing liquor 250 ml, one of 2"."""
        return self.name if self.name == _alternatives(self.members) else f"{self.name}, one of {len(self.members)}"


@dataclass(frozen=True)
class LevelFigures:
    """The share of held-out photos of known products answered at a level, and the share of these that is correct."""

    share: float
    right: float | None


@dataclass(frozen=True)
class Levels:
    """The minimum probabilities to answer with a product or a family, so that at least a share `precision` of the
    answers at either level is correct.

    Attributes:
        precision: the requested precision.
        product: minimum probability of a product.
        family: minimum probability of a family.
        families: all families.
        figures: results of each level on photos that the thresholds were not fitted to.
        photos: number of photos that they were fitted to.
    """

    precision: float
    product: float
    family: float
    families: tuple[ProductFamily, ...]
    figures: Mapping[str, LevelFigures]
    photos: int

    def chosen(self, product: Wide, family: Wide) -> list[str]:
        """Return the level of each of N answers, given the probabilities of their product and family."""
        return [str(level) for level in _levels_of(product, family, self.product, self.family)]

    def family_of(self, name: str) -> ProductFamily | None:
        """Return the family of a product, if any."""
        return next((each for each in self.families if name in each.members), None)

    def as_record(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return asdict(self)

    @classmethod
    def of_record(cls, known: Mapping[str, Any]) -> Levels:
        """Restore it from `as_record`."""
        families = tuple(ProductFamily(each["name"], tuple(each["members"])) for each in known["families"])
        figures = {level: LevelFigures(**each) for level, each in known["figures"].items()}
        return cls(known["precision"], known["product"], known["family"], families, figures, known["photos"])


@dataclass(frozen=True)
class LevelEvidence:
    """The best product of N held-out photos: its probability and correctness, and the same for its family, with
    probability 0 for products without a family."""

    product: Wide
    product_right: Bools
    family: Wide
    family_right: Bools

    def rows(self, chosen: Ints) -> LevelEvidence:
        """Return it for some of the photos."""
        return LevelEvidence(
            self.product[chosen], self.product_right[chosen], self.family[chosen], self.family_right[chosen]
        )

    @classmethod
    def joined(cls, parts: Sequence[LevelEvidence]) -> LevelEvidence:
        """Concatenate several parts."""
        return cls(
            np.concatenate([each.product for each in parts]),
            np.concatenate([each.product_right for each in parts]),
            np.concatenate([each.family for each in parts]),
            np.concatenate([each.family_right for each in parts]),
        )


def family_ids(names: Sequence[str], families: Sequence[ProductFamily]) -> Ints:
    """Return the family of each name, (K,); -1 for none."""
    of_name = {member: index for index, family in enumerate(families) for member in family.members}
    return np.array([of_name.get(name, -1) for name in names], np.int64)


def level_evidence(probabilities: Floats, labels: Ints, ids: Ints) -> LevelEvidence:
    """Return the level evidence of probabilities (N, K) with families `ids` (K,) and true columns `labels` (N,)."""
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
    """Return the probability of the best product's family, (N,); 0 for none."""
    wanted = ids[probabilities.argmax(axis=1)]
    sums = (probabilities * (ids[None, :] == wanted[:, None])).sum(axis=1)
    return np.where(wanted >= 0, sums, 0.0).astype(np.float64)


def fit_levels(evidence: LevelEvidence, precision: float, families: Sequence[ProductFamily], seed: int = 0) -> Levels:
    """Fit the minimum probabilities at which answers reach the requested precision at both levels.

    Of n answers, at least `precision` times n + 1 must be correct, so that a further answer is correct with that
    probability. The figures are cross-fitted: each half of the photos is evaluated with thresholds fitted to the other.
    A level that cannot reach the precision is never used.

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
    """Return the level at which each of N photos is answered."""
    on_family = np.where(family >= least_family, FAMILY, UNDECIDED)
    return np.where(product >= least_product, PRODUCT, on_family)


def _thresholds(evidence: LevelEvidence, precision: float) -> tuple[float, float]:
    product = _minimum_probability(evidence.product, evidence.product_right, precision)
    left = (evidence.product < product) & (evidence.family > 0)
    return product, _minimum_probability(evidence.family[left], evidence.family_right[left], precision)


def _minimum_probability(probability: Wide, right: Bools, precision: float) -> float:
    """Return the minimum probability at which answers have the precision, counting one extra answer as wrong.

    Photos of equal probability are answered together.
    """
    order = np.argsort(-probability, kind="stable")
    in_order, hits = probability[order], np.cumsum(right[order])
    last_of_equals = np.append(in_order[1:] < in_order[:-1], True)[: len(order)]
    enough = np.flatnonzero(last_of_equals & (hits >= precision * (np.arange(len(order)) + 2)))
    return float(in_order[enough[-1]]) if len(enough) else NEVER


def _figures(evidence: LevelEvidence, on: Bools, level: str) -> LevelFigures:
    right = {PRODUCT: evidence.product_right, FAMILY: evidence.family_right}.get(level)
    return LevelFigures(float(on.mean()), None if right is None or not on.any() else float(right[on].mean()))


def named_families(groups: Sequence[Sequence[str]]) -> tuple[ProductFamily, ...]:
    """Return families of two or more products, named by their common prefix if it is unique, else by their members."""
    several = [group for group in groups if len(group) > 1]
    shared = [_common_name(group) for group in several]
    names = [name if name and shared.count(name) == 1 else None for name in shared]
    return tuple(
        ProductFamily(name or _alternatives(group), tuple(group)) for name, group in zip(names, several, strict=True)
    )


def families_of_broader(names: Sequence[str], broader: Mapping[str, str]) -> tuple[ProductFamily, ...]:
    """Return the families of products that a table assigns to broader names."""
    members: dict[str, list[str]] = {}
    for name in names:
        if name in broader:
            members.setdefault(broader[name], []).append(name)
    return tuple(ProductFamily(family, tuple(of)) for family, of in members.items() if len(of) > 1)


def _alternatives(members: Sequence[str]) -> str:
    return " or ".join(members) if len(members) == 2 else f"{members[0]} or one of {len(members) - 1} like it"


def _common_name(names: Sequence[str]) -> str | None:
    """Return the common prefix of the names, up to a word boundary, if it is meaningful."""
    prefix = os.path.commonprefix(list(names))  # noqa: RUF071 (names, not paths)
    whole = prefix if prefix in names else re.sub(r"(?:(?![\u2e80-\u9fff\uac00-\ud7af])[^\W_])*$", "", prefix)
    common = whole.strip(" -_/,.(（、")
    return common if len(common) >= _MIN_COMMON_LENGTH or re.search(r"[\u4e00-\u9fff]{2}", common) else None
