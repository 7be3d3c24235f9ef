"""Accuracy by difficulty: images are divided into slices by what makes them hard, worst slices first."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np

from shelfmind.arrays import Bools, Wide
from shelfmind.evaluation.intervals import Interval, proportion_interval, too_few_images
from shelfmind.evaluation.multiplicity import holm

PARTS = 5
"""Number of quantile slices of a difficulty without limits."""
LEVEL = 0.05
"""Significance level of the adjusted p-value for a slice to be worse or better."""
EXAMPLES = 6


@dataclass(frozen=True)
class Difficulty:
    """A property that makes images hard: `values` (N,), NaN if not measurable.

    `limits` divide the images into slices [below the first), [first, second), ...; quantiles are used if there are
    none. `unit` is printed after values. `name` is a key of `metrics.json`.
    """

    name: str
    values: Wide
    limits: tuple[float, ...] = ()
    unit: str = ""


@dataclass(frozen=True)
class Slice:
    """The images with values of a difficulty in [low, high), or without a value (both None).

    `top1` is the accuracy with Wilson's interval `ci95`, `apart` the difference from the accuracy of all other images
    with Newcombe's interval `apart_ci95`. `p` is the p-value of that difference (two-sided z test), `adjusted_p` is
    corrected by Holm's method over all slices of all difficulties. `examples` are wrongly predicted images, most
    confident first.
    """

    difficulty: str
    unit: str
    low: float | None
    high: float | None
    images: int
    right: int
    top1: float
    ci95: Interval
    apart: float
    apart_ci95: Interval
    p: float
    adjusted_p: float
    examples: tuple[str, ...]

    @property
    def too_few_images(self) -> bool:
        """Whether there are too few images for a meaningful accuracy."""
        return too_few_images(self.images)

    @property
    def verdict(self) -> Literal["worse", "better", "no difference found", "too few images"]:
        """The verdict on the slice, by its adjusted p-value."""
        if self.too_few_images:
            return "too few images"
        if self.adjusted_p >= LEVEL:
            return "no difference found"
        return "worse" if self.apart < 0 else "better"

    def to_json(self) -> dict[str, Any]:
        """Return it as values of `metrics.json`."""
        found = asdict(self)
        found["ci95"], found["apart_ci95"] = list(self.ci95), list(self.apart_ci95)
        for key in ("low", "high"):
            if found[key] is not None and math.isinf(found[key]):
                found[key] = None
        return {**found, "examples": list(self.examples), "verdict": self.verdict}


@dataclass(frozen=True)
class Slices:
    """All slices, worst first, those with too few images last. `by_chance` is the expected number of slices whose own
    95% interval would exclude the rest if no difficulty mattered, `beyond` the actual number."""

    slices: tuple[Slice, ...]
    by_chance: float
    beyond: int
    missing: tuple[tuple[str, str], ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return it as values of `metrics.json`."""
        return {
            "slices": [each.to_json() for each in self.slices],
            "beyond_95_by_chance": self.by_chance,
            "beyond_95": self.beyond,
            "not_measured": dict(self.missing),
        }


def slice_accuracy(
    correct: Bools,
    confidence: Wide,
    paths: Sequence[str],
    difficulties: Sequence[Difficulty],
    missing: Mapping[str, str] | None = None,
) -> Slices:
    """Divide N images into slices by each difficulty and compare every slice with all other images.

    `missing` has the reasons for difficulties that were not measured. A slice with fewer than ten images is listed
    without a verdict.
    """
    found = [each for difficulty in difficulties for each in _parts(difficulty, correct, confidence, paths)]
    tested = [each for each in found if not each.too_few_images]
    adjusted = holm([each.p for each in tested])
    ranked = sorted(
        (replace(each, adjusted_p=p) for each, p in zip(tested, adjusted, strict=True)),
        key=lambda each: (each.apart, each.top1),
    )
    few = sorted((each for each in found if each.too_few_images), key=lambda each: each.top1)
    return Slices(
        (*ranked, *few),
        by_chance=0.05 * len(tested),
        beyond=sum(each.p < 0.05 for each in tested),
        missing=tuple((missing or {}).items()),
    )


def limits_of(difficulty: Difficulty) -> tuple[float, ...]:
    """Return the limits of a difficulty's slices. Equal quantiles are merged."""
    if difficulty.limits:
        return difficulty.limits
    known = difficulty.values[np.isfinite(difficulty.values)]
    if not len(known):
        return ()
    cuts = np.unique(np.quantile(known, np.arange(1, PARTS) / PARTS, method="higher"))
    return tuple(float(cut) for cut in cuts if cut > known.min())


def difference_interval(right: int, images: int, other_right: int, others: int) -> Interval:
    """Return the interval of the difference of two independent proportions from their Wilson intervals: Newcombe,
    "Interval estimation for the difference between independent proportions", Statistics in Medicine 1998, method 10."""
    one, two = proportion_interval(right, images), proportion_interval(other_right, others)
    share, other = right / images, other_right / others
    low = math.hypot(share - one.low, two.high - other)
    high = math.hypot(one.high - share, other - two.low)
    return Interval(max(-1.0, share - other - low), min(1.0, share - other + high))


def difference_p(right: int, images: int, other_right: int, others: int) -> float:
    """Return the two-sided p-value of a difference of two proportions by the pooled z test."""
    pooled = (right + other_right) / (images + others)
    variance = pooled * (1 - pooled) * (1 / images + 1 / others)
    if variance == 0:
        return 1.0
    return math.erfc(abs(right / images - other_right / others) / math.sqrt(2 * variance))


def _parts(difficulty: Difficulty, correct: Bools, confidence: Wide, paths: Sequence[str]) -> list[Slice]:
    """Return the non-empty slices of a difficulty, or none if all images are in the same one."""
    edges = (-math.inf, *limits_of(difficulty), math.inf)
    values = difficulty.values
    chosen: list[tuple[float | None, float | None, Bools]] = [
        (low, high, (values >= low) & (values < high)) for low, high in zip(edges, edges[1:], strict=False)
    ]
    chosen.append((None, None, ~np.isfinite(values)))
    chosen = [each for each in chosen if each[2].any()]
    if len(chosen) < 2:
        return []
    return [_slice(difficulty, low, high, inside, correct, confidence, paths) for low, high, inside in chosen]


def _slice(
    difficulty: Difficulty,
    low: float | None,
    high: float | None,
    inside: Bools,
    correct: Bools,
    confidence: Wide,
    paths: Sequence[str],
) -> Slice:
    images, right = int(inside.sum()), int(correct[inside].sum())
    others, other_right = len(correct) - images, int(correct[~inside].sum())
    wrong = np.flatnonzero(inside & ~correct)
    worst = wrong[np.argsort(-confidence[wrong], kind="stable")[:EXAMPLES]]
    return Slice(
        difficulty=difficulty.name,
        unit=difficulty.unit,
        low=low,
        high=high,
        images=images,
        right=right,
        top1=right / images,
        ci95=proportion_interval(right, images),
        apart=right / images - other_right / others,
        apart_ci95=difference_interval(right, images, other_right, others),
        p=difference_p(right, images, other_right, others),
        adjusted_p=1.0,
        examples=tuple(paths[index] for index in worst.tolist()),
    )
