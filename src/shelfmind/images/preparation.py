"""Squares as the network's input, in NumPy: equal to the bit to what MindSpore's operators make of them in training."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from shelfmind.arrays import Floats
from shelfmind.images.rescaling import rescaled
from shelfmind.images.squares import Square
from shelfmind.recipe import DataRecipe

_SCALE = 255.0


class InputPreparation:
    """Rescales and normalises squares as a recipe says, without augmentation."""

    def __init__(self, data: DataRecipe) -> None:
        mean, std = (np.array(each, np.float64) * _SCALE for each in (data.mean, data.std))
        values = np.arange(256, dtype=np.float32)
        self.normalised: Floats = (values - mean.astype(np.float32)[:, None]) / std.astype(np.float32)[:, None]
        """What each 8-bit value becomes, by channel: (3, 256)."""

    def batch(self, squares: Sequence[Square], size: int) -> Floats:
        """Normalised images of shape (N, 3, size, size)."""
        images = np.empty((len(squares), 3, size, size), np.float32)
        for image, made in zip(squares, images, strict=True):
            pixels = rescaled(image, size)
            for channel, values in enumerate(self.normalised):
                np.take(values, pixels[..., channel], out=made[channel])
        return images
