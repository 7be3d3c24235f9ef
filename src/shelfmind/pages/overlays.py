"""Overlay a saliency map on its picture."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image

STRENGTH = 0.6
STOPS = np.array([[0, 0, 4], [87, 16, 110], [188, 55, 84], [249, 142, 9], [252, 255, 164]], np.float32)
"""Colours from dark to bright at equal steps of saliency. Brightness alone encodes the order, also in greyscale."""


def overlay(picture: npt.NDArray[np.uint8], saliency: npt.NDArray[np.float32]) -> Image.Image:
    """Return the picture (S, S, 3), half greyed, overlaid with the map (h, w), 0 to 1; brighter is more important."""
    size = picture.shape[1], picture.shape[0]
    grown = Image.fromarray(saliency.astype(np.float32)).resize(size, Image.Resampling.BICUBIC)
    heat = np.clip(np.asarray(grown), 0.0, 1.0)
    level = heat * (len(STOPS) - 1)
    low = np.minimum(level.astype(np.int64), len(STOPS) - 2)
    share = (level - low)[..., None]
    colours = STOPS[low] * (1 - share) + STOPS[low + 1] * share
    grey = np.repeat(picture.mean(2, keepdims=True), 3, axis=2)
    mixed = grey * 0.5 + picture * 0.5
    weight = STRENGTH * heat[..., None]
    return Image.fromarray((mixed * (1 - weight) + colours * weight).astype(np.uint8))
