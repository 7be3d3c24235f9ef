"""Perspective transforms between quadrilaterals, for Pillow."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image

from shelfmind.transforms.perspective import perspective_coefficients

Points = npt.NDArray[np.float64]
"""Four points, shape (4, 2), in order around the quadrilateral."""


def warp(image: Image.Image, source: Points, target: Points, size: tuple[int, int]) -> Image.Image:
    """A picture of `size` with the content of `source` in the image mapped to `target`; the rest is empty."""
    coefficients = perspective_coefficients(target, source)
    return image.transform(size, Image.Transform.PERSPECTIVE, coefficients, Image.Resampling.BILINEAR)
