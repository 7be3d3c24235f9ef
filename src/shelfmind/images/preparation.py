"""Squares as network input, in NumPy: bit-identical to MindSpore's operators in training."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from shelfmind.arrays import Floats
from shelfmind.images.rescaling import rescaled
from shelfmind.images.squares import Square
from shelfmind.recipe import DataRecipe, Recipe

_SCALE = 255.0


def prepared(squares: Sequence[Square], recipe: Recipe) -> Floats:
    """Squares as network input for evaluation, (N, 3, S, S)."""
    images = np.stack([rescaled(image, recipe.evaluation_size) for image in squares])
    return Normalisation(recipe.data)(images)


class Normalisation:
    """8-bit images less a recipe's mean, divided by its standard deviation, channels first."""

    def __init__(self, data: DataRecipe) -> None:
        self.mean, self.std = (np.array(each, np.float64) * _SCALE for each in (data.mean, data.std))
        values = np.arange(256, dtype=np.float32)
        self.table: Floats = (values - self.mean.astype(np.float32)[:, None]) / self.std.astype(np.float32)[:, None]
        """Tabulate the normalised value of every 8-bit value, by channel: (3, 256)."""

    def __call__(self, images: npt.NDArray[np.uint8]) -> Floats:
        """Images (N, H, W, 3) as network input, (N, 3, H, W)."""
        count, height, width, channels = images.shape
        made = np.empty((count, channels, height, width), np.float32)
        for image, planes in zip(images, made, strict=True):
            for channel, values in enumerate(self.table):
                np.take(values, image[..., channel], out=planes[channel])
        return made

    def inverse(self, prepared: Floats) -> npt.NDArray[np.uint8]:
        """The 8-bit images (N, H, W, 3) of network input; values are rounded and clipped.

        Mixed images have values in between, erased ones beyond the range.
        """
        values = prepared * self.std.astype(np.float32)[:, None, None] + self.mean.astype(np.float32)[:, None, None]
        np.clip(np.rint(values, out=values), 0, _SCALE, out=values)
        return np.ascontiguousarray(values.astype(np.uint8).transpose(0, 2, 3, 1))
