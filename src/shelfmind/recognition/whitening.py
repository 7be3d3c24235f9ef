"""Within-class whitening of embeddings: directions that vary within a class are shrunk, the others stretched."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shelfmind.arrays import Floats, Ints, rows_by_label
from shelfmind.evaluation.matrix_rows import unit_rows

SHRINKAGE = 0.2
"""Shrinkage of the covariance to the identity. 0.1 to 0.3 perform alike on held-out classes, 1 is worse."""


@dataclass(frozen=True)
class Whitening:
    """Subtracts a mean (D,), multiplies with a matrix (D, D) and normalises to unit length."""

    mean: Floats
    matrix: Floats

    def __call__(self, vectors: Floats) -> Floats:
        """Return whitened vectors (N, D)."""
        return unit_rows((vectors - self.mean) @ self.matrix) if len(vectors) else vectors

    def as_array(self) -> Floats:
        """Return mean and matrix as one array, (1 + D, D)."""
        return np.concatenate([self.mean[None], self.matrix])

    @classmethod
    def of_array(cls, array: Floats) -> Whitening:
        """Restore it from `as_array`."""
        return cls(array[0], array[1:])


def fit_whitening(vectors: Floats, labels: Ints) -> Whitening:
    """Fit a whitening to the within-class covariance of unit vectors (N, D) with labels (N,).

    Directions that vary within a class get less weight (within-class covariance normalisation: Hatch, Kajarekar
    and Stolcke, Interspeech 2006; for image retrieval: Mikolajczyk and Matas, ICCV 2007). The result transfers from
    known classes to products added later.
    """
    mean = vectors.mean(axis=0, dtype=np.float64)
    differences = vectors.astype(np.float64)
    for _, rows in rows_by_label(labels):
        differences[rows] -= differences[rows].mean(axis=0)
    covariance = differences.T @ differences / len(differences)
    width = len(covariance)
    scale = max(float(np.trace(covariance)) / width, 1e-12)
    values, directions = np.linalg.eigh((1 - SHRINKAGE) * covariance + SHRINKAGE * scale * np.eye(width))
    matrix = (directions * values**-0.5) @ directions.T * np.sqrt(scale)
    return Whitening(mean.astype(np.float32), matrix.astype(np.float32))
