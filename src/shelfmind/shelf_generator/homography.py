"""Maps between quadrilaterals, as Pillow's perspective transform takes them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image

Points = npt.NDArray[np.float64]
"""Four points, shape (4, 2), in order around the quadrilateral."""
Matrix = npt.NDArray[np.float64]


def warp(image: Image.Image, source: Points, target: Points, size: tuple[int, int]) -> Image.Image:
    """A picture of `size` in which what lies within `source` in the image lies within `target`; the rest is empty."""
    backwards = _of_square(source) @ np.linalg.inv(_of_square(target))
    coefficients = (backwards / backwards[2, 2]).ravel()[:8].tolist()
    return image.transform(size, Image.Transform.PERSPECTIVE, coefficients, Image.Resampling.BILINEAR)


def _of_square(quad: Points) -> Matrix:
    """The projective map of the unit square onto a quadrilateral, shape (3, 3); Heckbert, 1989, in closed form."""
    (x0, y0), (x1, y1), (x2, y2), (x3, y3) = quad.tolist()
    dx1, dx2, sx = x1 - x2, x3 - x2, x0 - x1 + x2 - x3
    dy1, dy2, sy = y1 - y2, y3 - y2, y0 - y1 + y2 - y3
    whole = dx1 * dy2 - dx2 * dy1
    g, h = (sx * dy2 - dx2 * sy) / whole, (dx1 * sy - sx * dy1) / whole
    return np.array([(x1 - x0 + g * x1, x3 - x0 + h * x3, x0), (y1 - y0 + g * y1, y3 - y0 + h * y3, y0), (g, h, 1.0)])
