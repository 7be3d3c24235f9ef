"""Generate squares for measurements that do not depend on image content."""

from __future__ import annotations

import numpy as np

from shelfmind.images.rescaling import rescaled
from shelfmind.inference.engines import Batch

STEPS = (64, 16, 4, 1)


def synthetic_squares(count: int, size: int, seed: int) -> Batch:
    """Return squares (N, S, S, 3) about as smooth as photos: the mean of noise in blocks of four sizes."""
    generator = np.random.default_rng(seed)
    layers = []
    for step in STEPS:
        side = max(2, size // step)
        noise = [generator.integers(0, 256, (side, side, 3), np.uint8) for _ in range(count)]
        layers.append(np.stack([rescaled(each, size) for each in noise]))
    return np.mean(layers, axis=0).astype(np.uint8)
