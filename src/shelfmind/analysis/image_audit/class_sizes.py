"""The distribution of images over classes: statistics of the long tail."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from shelfmind.arrays import Ints
from shelfmind.data.classes import CATCH_ALL_NAMES
from shelfmind.evaluation.metrics import ShotCutoffs

TINY = 5
"""A class with fewer images than this cannot be both trained on and evaluated."""


@dataclass(frozen=True)
class ClassSizes:
    """The sizes of C classes; `head`, `medium` and `tail` count classes by training images as evaluation does."""

    counts: Ints
    gini: float
    quantiles: dict[str, float]
    half_of_images: int
    tiny: tuple[str, ...]
    empty: tuple[str, ...]
    others_share: float | None
    others_name: str | None
    shots: dict[str, int]
    shot_images: dict[str, int]


def class_sizes(counts: Ints, train_counts: Ints, names: Sequence[str], cutoffs: ShotCutoffs) -> ClassSizes:
    """Statistics of class sizes from `counts` and `train_counts`, both of shape (C,).

    `half_of_images` is the number of largest classes that hold half of all images; `tiny` are the classes with one to
    four images, smallest first.
    """
    ranked = np.sort(counts)[::-1]
    total = int(counts.sum())
    others = next((index for index, name in enumerate(names) if name.strip().casefold() in CATCH_ALL_NAMES), None)
    tiny = np.flatnonzero((counts > 0) & (counts < TINY))
    many, few = train_counts > cutoffs.many_above, train_counts < cutoffs.few_below
    groups = {"head": many, "medium": ~many & ~few, "tail": few}
    return ClassSizes(
        counts=counts,
        gini=gini(counts),
        quantiles={
            name: float(np.quantile(counts, share))
            for name, share in (("min", 0), ("q25", 0.25), ("median", 0.5), ("q75", 0.75), ("max", 1))
        },
        half_of_images=int(np.searchsorted(np.cumsum(ranked), total / 2)) + 1,
        tiny=tuple(names[index] for index in tiny[np.argsort(counts[tiny], kind="stable")]),
        empty=tuple(names[index] for index in np.flatnonzero(counts == 0)),
        others_share=None if others is None else float(counts[others] / total),
        others_name=None if others is None else names[others],
        shots={name: int(members.sum()) for name, members in groups.items()},
        shot_images={name: int(counts[members].sum()) for name, members in groups.items()},
    )


def gini(counts: Ints) -> float:
    """The Gini coefficient of class sizes: 0 if all are equal, near 1 if one class has almost all images (Gini
    1912)."""
    ranked = np.sort(counts).astype(np.float64)
    total = ranked.sum()
    if total == 0:
        return 0.0
    rank = np.arange(1, len(ranked) + 1)
    return float((2 * rank - len(ranked) - 1) @ ranked / (len(ranked) * total))
