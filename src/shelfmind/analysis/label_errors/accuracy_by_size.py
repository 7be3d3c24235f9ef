"""Accuracy as a function of the number of training images of a class."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import spearmanr

from shelfmind.arrays import Ints
from shelfmind.evaluation.metrics import class_recalls
from shelfmind.evaluation.outcomes import Outcomes


@dataclass(frozen=True)
class SizeBin:
    """Classes with `low` to `high` training images: their number, their evaluated images and mean recall."""

    low: int
    high: int
    classes: int
    images: int
    mean_recall: float
    lowest_recall: float


@dataclass(frozen=True)
class AccuracyBySize:
    """Bins that double in size, and Spearman's rank correlation of class size and recall (None if undefined)."""

    bins: tuple[SizeBin, ...]
    rank_correlation: float | None


def accuracy_by_size(outcomes: Outcomes, train_counts: Ints) -> AccuracyBySize:
    """Mean recall of the classes with 0, 1, 2 to 3, 4 to 7, ... training images; `train_counts` is (classes,)."""
    recalls = class_recalls(outcomes)
    measured = np.flatnonzero(~np.isnan(recalls))
    images = np.bincount(outcomes.labels, minlength=outcomes.classes)
    level = np.where(train_counts > 0, np.floor(np.log2(np.maximum(train_counts, 1))).astype(np.int64) + 1, 0)
    bins = []
    for step in np.unique(level[measured]).tolist():
        members = measured[level[measured] == step]
        low, high = (2 ** (step - 1), 2**step - 1) if step else (0, 0)
        bins.append(
            SizeBin(
                low,
                high,
                len(members),
                int(images[members].sum()),
                float(recalls[members].mean()),
                float(recalls[members].min()),
            )
        )
    return AccuracyBySize(tuple(bins), _rank_correlation(train_counts[measured], recalls[measured]))


def _rank_correlation(one: npt.NDArray[np.generic], other: npt.NDArray[np.generic]) -> float | None:
    """Spearman's rank correlation, with mean ranks for ties; None for fewer than three values or constant values."""
    if len(one) < 3 or np.ptp(one) == 0 or np.ptp(other) == 0:
        return None
    return float(spearmanr(one, other).statistic)
