"""What computes a network's answers: MindSpore, or an engine that runs an exported file."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from shelfmind.arrays import Floats

IMAGES, PROBABILITIES, EMBEDDINGS = "images", "probabilities", "embeddings"
"""The input and the outputs of an exported graph."""
MINDSPORE, AUTO = "mindspore", "auto"
Batch = npt.NDArray[np.uint8]
"""Squares of equal size, (N, S, S, 3)."""


class Engine(Protocol):
    """A network in evaluation mode with the normalisation of its input."""

    @property
    def name(self) -> str:
        """Engine and precision, as figures name them: ``mindspore``, ``onnx fp32``."""

    @property
    def width(self) -> int:
        """D."""

    @property
    def version(self) -> str:
        """Of the library that computes."""

    @property
    def sizes(self) -> tuple[int, ...]:
        """Numbers of images that are computed as they are, the others in pieces or padded; empty: all are."""

    def parallel(self, batch_size: int) -> Engine | None:
        """The same network for calls of up to `batch_size` images from a thread a core at once, each computed on one
        core; None if one call at a time is all that it takes."""

    def __call__(self, images: Batch) -> tuple[Floats, Floats]:
        """Probabilities (N, C) and embeddings (N, D)."""

    def logits(self, embeddings: Floats) -> Floats | None:
        """What the classifier makes of embeddings (N, D): (N, C); None if it is not known by itself."""
