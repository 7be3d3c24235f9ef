"""Random perspective of squares: simulates other viewpoints."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image

Square = npt.NDArray[np.uint8]


def random_perspective(
    square: Square,
    generator: np.random.Generator,
    strength: float = 0.3,
    probability: float = 0.5,
    fill: tuple[int, int, int] = (124, 116, 104),
) -> Square:
    """The square (S, S, 3) with each corner moved inwards by up to `strength` / 2 of its side, with this probability.

    Uncovered areas are filled with `fill`. `generator` is the source of all randomness.
    """
    if generator.random() >= probability:
        return square
    size = square.shape[0]
    corners = np.array([[0, 0], [size, 0], [size, size], [0, size]], np.float64)
    inwards = np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]])
    moved = corners + inwards * generator.uniform(0, strength * size / 2, (4, 2))
    image = Image.fromarray(square)
    coefficients = perspective_coefficients(moved, corners)
    warped = image.transform(
        image.size, Image.Transform.PERSPECTIVE, coefficients, Image.Resampling.BILINEAR, fillcolor=fill
    )
    return np.asarray(warped)


def require_perspective(strength: float = 0.3, probability: float = 0.5) -> None:
    """Raise `ValueError` for parameters out of range."""
    if not 0 < strength < 1:
        raise ValueError(f"strength must lie between 0 and 1, got {strength}")
    if not 0 <= probability <= 1:
        raise ValueError(f"probability must lie between 0 and 1, got {probability}")


def perspective_coefficients(targets: npt.NDArray[np.float64], sources: npt.NDArray[np.float64]) -> tuple[float, ...]:
    """Pillow's eight coefficients of the perspective that maps each of four targets (4, 2) to its source (4, 2)."""
    rows, values = [], []
    for (x, y), (u, v) in zip(targets, sources, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        values += [u, v]
    return tuple(np.linalg.solve(np.array(rows), np.array(values)).tolist())
