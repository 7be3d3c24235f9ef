"""Random Erasing on batches of network input."""

from __future__ import annotations

import math

import numpy as np

from shelfmind.arrays import Floats

ATTEMPTS = 10


def random_erasing(
    images: Floats,
    generator: np.random.Generator,
    probability: float = 0.5,
    scale: tuple[float, float] = (0.02, 0.4),
    ratio: tuple[float, float] = (0.3, 1 / 0.3),
    noise: bool = True,
) -> Floats:
    """A random rectangle of each image (N, 3, H, W) replaced by noise, with this probability (Zhong et al., AAAI 2020).

    Args:
        images: normalised, so that noise of mean 0 and deviation 1 resembles the data set; not modified.
        generator: source of all randomness.
        probability: probability per image.
        scale: minimum and maximum share of the area.
        ratio: minimum and maximum height to width, sampled uniformly on a logarithmic scale.
        noise: a random value for each pixel (the paper's best, RE-R); else 0, the data set's mean.
    """
    erased = images.copy()
    for image in erased:
        if generator.random() < probability:
            box = _rectangle(image.shape[1], image.shape[2], generator, scale, ratio)
            if box is not None:
                rows, columns = box
                target = image[:, rows, columns]
                target[:] = generator.standard_normal(target.shape, np.float32) if noise else 0.0
    return erased


def require_erasing(probability: float = 0.5, scale: object = None, ratio: object = None, noise: bool = True) -> None:
    """Raise `ValueError` for parameters out of range."""
    if not 0 <= probability <= 1:
        raise ValueError(f"probability must lie between 0 and 1, got {probability}")
    for name, value, most in (("scale", scale, 1.0), ("ratio", ratio, math.inf)):
        if value is None:
            continue
        if not isinstance(value, list | tuple) or len(value) != 2 or not 0 < value[0] <= value[1] <= most:
            raise ValueError(f"{name} must be a range such as [0.1, 0.4], got {value}")


def _rectangle(
    height: int, width: int, generator: np.random.Generator, scale: tuple[float, float], ratio: tuple[float, float]
) -> tuple[slice, slice] | None:
    for _ in range(ATTEMPTS):
        area = generator.uniform(*scale) * height * width
        proportion = math.exp(generator.uniform(math.log(ratio[0]), math.log(ratio[1])))
        rows, columns = round(math.sqrt(area * proportion)), round(math.sqrt(area / proportion))
        if 0 < rows < height and 0 < columns < width:
            top, left = generator.integers(height - rows + 1), generator.integers(width - columns + 1)
            return slice(top, top + rows), slice(left, left + columns)
    return None
