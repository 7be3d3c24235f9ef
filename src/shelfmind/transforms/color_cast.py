"""Random colour casts of squares: simulates other light sources and cameras."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Square = npt.NDArray[np.uint8]


def random_color_cast(
    square: Square,
    generator: np.random.Generator,
    deviation: float = 0.12,
    fill: tuple[int, int, int] = (124, 116, 104),
) -> Square:
    """The square (S, S, 3) with red, green and blue multiplied by log-normal gains of this deviation (von Kries's model
    of illumination, 1902).

    The cast also applies to the padding; `fill` is not used.
    """
    gains = np.exp(generator.normal(0.0, deviation, 3))
    levels = np.arange(256)[:, None] * gains
    table = np.clip(np.rint(levels), 0, 255).astype(np.uint8)
    return np.stack([table[:, channel][square[..., channel]] for channel in range(3)], axis=-1)


def require_color_cast(deviation: float = 0.12) -> None:
    """Raise `ValueError` for parameters out of range."""
    if not 0 < deviation <= 1:
        raise ValueError(f"deviation must be greater than 0 and at most 1, got {deviation}")
