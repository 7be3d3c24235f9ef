"""Vectors of photos without a network: baselines for galleries."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
from PIL import Image

from shelfmind.arrays import Floats, Wide
from shelfmind.images.squares import Square

SIDE = 32
BINS = 8


def pixels(image: Square) -> Wide:
    """The colours of a photo resized to 32 by 32 pixels, less their mean: (3072,)."""
    small = np.asarray(Image.fromarray(image).resize((SIDE, SIDE), Image.Resampling.BOX), np.float64).ravel()
    return np.asarray(small - small.mean())


def colour_histogram(image: Square) -> Wide:
    """The square roots of the frequencies of 8 x 8 x 8 colours, (512,); their cosine similarity is the Bhattacharyya
    coefficient of two photos' colours (Swain and Ballard, IJCV 1991; Bhattacharyya 1943)."""
    bins = (image // (256 // BINS)).reshape(-1, 3).astype(np.int64)
    counts = np.bincount((bins[:, 0] * BINS + bins[:, 1]) * BINS + bins[:, 2], minlength=BINS**3)
    return np.asarray(np.sqrt(counts / counts.sum()))


PLAIN_VECTORS: dict[str, Callable[[Square], Wide]] = {"pixels": pixels, "colour_histogram": colour_histogram}
"""By name."""


def plain_vectors(squares: Iterable[Square], kind: str) -> Floats:
    """Unit vectors (N, D) of photos."""
    rows = np.stack([PLAIN_VECTORS[kind](square) for square in squares])
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.maximum(lengths, 1e-12), np.float32)
