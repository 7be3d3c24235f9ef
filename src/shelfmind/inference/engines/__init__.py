"""Inference engines: MindSpore, and engines that run exported files."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from shelfmind.arrays import Floats

IMAGES, PROBABILITIES, EMBEDDINGS = "images", "probabilities", "embeddings"
"""Names of the input and outputs of an exported graph."""
MINDSPORE, AUTO = "mindspore", "auto"
Batch = npt.NDArray[np.uint8]
"""Squares of equal size, (N, S, S, 3)."""


class Engine(Protocol):
    """A network in evaluation mode, including the normalisation of its input."""

    @property
    def name(self) -> str:
        """Engine and precision, as in ``mindspore`` or ``onnx fp32``."""

    @property
    def width(self) -> int:
        """D."""

    @property
    def version(self) -> str:
        """The version of the engine's library."""

    @property
    def identity(self) -> str:
        """What determines the outputs besides weights and recipe: name, version, and checksum of the exported file."""

    @property
    def sizes(self) -> tuple[int, ...]:
        """The native batch sizes. Other numbers of images are split or padded. Empty if any size is native."""

    def parallel(self, batch_size: int) -> Engine | None:
        """Return the same network for concurrent calls of up to `batch_size` images from one thread per core, each
        computed on one core; None if concurrent calls are not supported."""

    def __call__(self, images: Batch) -> tuple[Floats, Floats]:
        """Return probabilities (N, C) and embeddings (N, D)."""

    def logits(self, embeddings: Floats) -> Floats | None:
        """Return the logits (N, C) of embeddings (N, D), or None if the classifier is not available separately."""
