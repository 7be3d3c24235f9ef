"""Takes out of embeddings what varies among photos of one product, so that what is left tells products apart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shelfmind.arrays import Floats, Ints, Wide
from shelfmind.evaluation.matrix_rows import unit_rows

SHRINKAGE = 0.1


@dataclass(frozen=True)
class Whitening:
    """A linear map of embeddings, fitted on trained classes and meant for all.

    Attributes:
        mean: taken off first, (D,).
        matrix: multiplied by, (D, D).
    """

    mean: Floats
    matrix: Floats

    def __call__(self, embeddings: Floats) -> Floats:
        """Unit vectors (N, D) of embeddings (N, D)."""
        return unit_rows((embeddings - self.mean) @ self.matrix)


def within_class_whitening(embeddings: Floats, labels: Ints, shrinkage: float = SHRINKAGE) -> Whitening:
    """The map to W^(-1/2) (x - mean), W the covariance of embeddings about their classes' means (Hatch et al.,
    "Within-class covariance normalization", Interspeech 2006).

    Light, angle and background move photos of all products in the same directions; the map makes these count less.

    Args:
        embeddings: of training photos, (N, D), as the network gives them: not scaled to length 1.
        labels: their classes, (N,).
        shrinkage: how far W is drawn to a multiple of the identity, above 0 (as it is) to 1 (the mean only), so that
            W has an inverse with fewer photos than dimensions.

    Raises:
        ValueError: a shrinkage out of range, or no class with two different embeddings.
    """
    if not 0 < shrinkage <= 1:
        raise ValueError(f"shrinkage must be greater than 0 and at most 1, got {shrinkage:g}")
    values = embeddings.astype(np.float64)
    covariance = _shrunk(_within(values, labels), shrinkage)
    scales, directions = np.linalg.eigh(covariance)
    if not scales[0] > 0:
        raise ValueError("no class has two different embeddings to whiten by")
    matrix = (directions * scales**-0.5) @ directions.T
    return Whitening(values.mean(axis=0).astype(np.float32), matrix.astype(np.float32))


def _within(values: Wide, labels: Ints) -> Wide:
    """The covariance of values (N, D) about the mean of their class, (D, D)."""
    _, classes, counts = np.unique(labels, return_inverse=True, return_counts=True)
    sums = np.zeros((len(counts), values.shape[1]))
    np.add.at(sums, classes, values)
    deviations = values - (sums / counts[:, None])[classes]
    return np.asarray(deviations.T @ deviations / len(values))


def _shrunk(covariance: Wide, shrinkage: float) -> Wide:
    """Drawn to the identity times its mean variance (Ledoit and Wolf, 2004, equation 14, with a given share)."""
    width = len(covariance)
    return np.asarray((1 - shrinkage) * covariance + shrinkage * np.trace(covariance) / width * np.eye(width))
