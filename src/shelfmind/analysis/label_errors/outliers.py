"""Images that are far from every candidate class: objects that are not products, or barely visible ones."""

from __future__ import annotations

import numpy as np

from shelfmind.arrays import Floats, Ints, rows_by_label

_MIN_IMAGES = 5
_POOLED_SHARE = 0.3
_MAD_OF_NORMAL = 1.4826


def outlier_scores(compared: Ints, near: Floats) -> Floats:
    """How many deviations farther from its nearest class each image is than that class's own images, shape (N,).

    `compared` (N, K) are the classes that each image was compared with, its own first, and `near` (N, K) its similarity
    to each (see `neighbours.nearness`), NaN if unknown. The scale is robust: each class's median similarity of its own
    images, and the median absolute deviation from it, mixed with that of all classes so that classes of few or
    near-identical images do not turn everything into outliers. Classes with fewer than five images use the pooled
    values. 0 is typical, above 4 rare. NaN if nothing could be compared.
    """
    classes = int(compared.max()) + 1 if compared.size else 0
    middle, spread = _typical(compared[:, 0], near[:, 0], classes)
    distance = (middle[compared] - near) / spread[compared]
    known = np.isfinite(distance)
    least = np.where(known, distance, np.inf).min(axis=1)
    return np.where(known.any(axis=1), least, np.nan).astype(np.float32)


def _typical(labels: Ints, near: Floats, classes: int) -> tuple[Floats, Floats]:
    """Median similarity of each class's own images and its scale, shape (classes,) each."""
    known = np.isfinite(near)
    labels, near = labels[known], near[known]
    pooled_middle = float(np.median(near)) if len(near) else 0.0
    middle = np.full(classes, pooled_middle, np.float32)
    large = [(label, group) for label, group in rows_by_label(labels) if len(group) >= _MIN_IMAGES]
    for label, group in large:
        middle[label] = np.median(near[group])
    deviations = np.abs(near - middle[labels])
    pooled = float(np.median(deviations)) * _MAD_OF_NORMAL if len(near) else 0.0
    spread = np.full(classes, pooled * (1 + _POOLED_SHARE), np.float32)
    for label, group in large:
        spread[label] = np.median(deviations[group]) * _MAD_OF_NORMAL + _POOLED_SHARE * pooled
    return middle, np.maximum(spread, np.float32(1e-6))
