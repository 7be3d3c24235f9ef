"""Classifiers in NumPy: compute logits from embeddings like the heads of `models.heads`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from shelfmind.arrays import Floats
from shelfmind.evaluation.matrix_rows import unit_rows


@dataclass(frozen=True)
class Classifier:
    """A linear classifier, or one of scaled cosines if there is a `scale`.

    Attributes:
        weight: shape (C, D); or (C, K, D) with K vectors per class, of which the closest counts.
        bias: shape (C,), or None.
        scale: scale of the cosines.
    """

    weight: Floats
    bias: Floats | None = None
    scale: float | None = None

    def __call__(self, embeddings: Floats) -> Floats:
        """Return logits (N, C) of embeddings (N, D)."""
        if self.scale is None:
            products = embeddings @ self.weight.T
            return products if self.bias is None else products + self.bias
        vectors = unit_rows(self.weight.reshape(-1, self.weight.shape[-1]))
        cosines = (unit_rows(embeddings) @ vectors.T).reshape(len(embeddings), len(self.weight), -1)
        return np.asarray(cosines.max(axis=2) * np.float32(self.scale))

    def as_arrays(self) -> dict[str, Floats]:
        """Return it as named arrays."""
        arrays = {"weight": self.weight}
        if self.bias is not None:
            arrays["bias"] = self.bias
        if self.scale is not None:
            arrays["scale"] = np.array(self.scale, np.float32)
        return arrays

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, Floats]) -> Classifier:
        """Restore it from `as_arrays`."""
        scale = None if "scale" not in arrays else float(arrays["scale"])
        return cls(arrays["weight"], arrays.get("bias"), scale)
