"""Cross-validation folds: blocks of each class's images in the order of their file names."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from shelfmind.data.listing import natural_key

NEVER_HELD_OUT = -1


def block_folds(
    names: Sequence[str], labels: npt.NDArray[np.int64], folds: int, *, least: int = 2
) -> npt.NDArray[np.int64]:
    """The fold in which each of N images is held out, shape (N,); `NEVER_HELD_OUT` in classes with fewer than `least`
    images.

    The images of a class, in natural order of their names, are cut into as many blocks as there are folds. Photos taken
    in sequence therefore mostly share a fold, and near-duplicates of a held-out photo are rarely trained on. A class
    with fewer images than folds holds out one image per fold, in folds that vary by class, so that small classes are
    spread evenly. Raises `ValueError` for fewer than two folds.
    """
    if folds < 2:
        raise ValueError(f"folds must be at least 2, got {folds}")
    chosen = np.full(len(labels), NEVER_HELD_OUT, np.int64)
    by_name = np.array(sorted(range(len(names)), key=lambda index: natural_key(names[index])), np.int64)
    order = by_name[np.argsort(labels[by_name], kind="stable")] if len(names) else by_name
    classes, starts, counts = np.unique(labels[order], return_index=True, return_counts=True)
    for label, start, count in zip(classes.tolist(), starts.tolist(), counts.tolist(), strict=True):
        if count >= max(2, least):
            blocks = np.arange(count) * folds // count
            chosen[order[start : start + count]] = blocks if count >= folds else (blocks + label) % folds
    return chosen
