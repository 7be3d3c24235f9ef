"""Perceptual fingerprints: a small picture of each image, to find near-duplicates and distinguish them from similar
photos."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt
from PIL import Image

from shelfmind.arrays import Floats

WORKING_SIDE = 224
"""Images are measured at the size of a square of this side, so that sharpness does not depend on resolution."""


SIDE = 48
CHROMA_SIDE = 12
FINGERPRINT = np.dtype([("luma", "u1", (SIDE, SIDE)), ("chroma", "u1", (2, CHROMA_SIDE, CHROMA_SIDE))])
"""The image resized to a square: its luma, and its two chroma planes at lower resolution."""

VIEWS = (0.0, 0.03)
"""Crops on all sides, as shares of the side: a cropped near-duplicate is closer to the second view."""
_GRID = 16
_LUMA_TERMS = 8
_CHROMA_TERMS = 3
_WINDOW = 1.5
_CHROMA_WEIGHT = 6.0
_LUMA_DAMPING = 8.0
_CHROMA_DAMPING = 2.0
"""The order at which a DCT term has a weight of a third: higher ones are more sensitive to crops."""


def fingerprint(image: Image.Image) -> npt.NDArray[np.void]:
    """The fingerprint of an upright RGB image, a scalar of type `FINGERPRINT`."""
    small = image.resize((SIDE, SIDE), Image.Resampling.BICUBIC, reducing_gap=3.0).convert("YCbCr")
    luma, blue, red = small.split()
    chroma = [plane.resize((CHROMA_SIDE, CHROMA_SIDE), Image.Resampling.BICUBIC) for plane in (blue, red)]
    made = np.zeros((), FINGERPRINT)
    made["luma"] = np.asarray(luma)
    made["chroma"] = np.stack([np.asarray(plane) for plane in chroma])
    return made


def descriptors(fingerprints: npt.NDArray[np.void], crop: float) -> Floats:
    """Vectors that are close for near-duplicates, shape (N, 82), for N fingerprints.

    The lowest terms of the cosine transform of the image centre, which border crops affect least (a Gaussian window),
    without brightness and contrast; colours relative to the brightness. `crop` first removes that share of each side.
    """
    rows = _averages(crop, SIDE)
    window = _window()
    luma = rows @ fingerprints["luma"].astype(np.float32) @ rows.T
    mean = (luma * window).sum((1, 2), keepdims=True) / window.sum()
    terms = _low_terms((luma - mean) * window, _LUMA_TERMS, _LUMA_DAMPING)
    terms /= np.sqrt((terms**2).sum(1, keepdims=True) + (1.5 * _GRID) ** 2)
    parts = [terms]
    chroma_rows = _averages(crop, CHROMA_SIDE)
    for plane in (0, 1):
        colour = chroma_rows @ (fingerprints["chroma"][:, plane].astype(np.float32) - 128) @ chroma_rows.T
        weighted = colour * window / (_GRID * (mean + 10))
        parts.append(_CHROMA_WEIGHT * _low_terms(weighted, _CHROMA_TERMS, _CHROMA_DAMPING))
    return np.ascontiguousarray(np.concatenate(parts, axis=1), np.float32)


def _low_terms(planes: Floats, count: int, damping: float) -> Floats:
    waves = _waves(count)
    terms = waves @ planes @ waves.T
    order = np.add.outer(np.arange(count), np.arange(count))
    return np.asarray((terms * np.exp(-((order / damping) ** 2))).reshape(len(planes), -1), np.float32)


@cache
def _waves(count: int) -> Floats:
    """The lowest rows of the orthonormal cosine transform (DCT-II) of the grid, (count, grid)."""
    waves = np.cos(np.pi * np.outer(np.arange(count), np.arange(_GRID) + 0.5) / _GRID) * np.sqrt(2 / _GRID)
    waves[0] /= np.sqrt(2)
    return np.asarray(waves, np.float32)


@cache
def _window() -> Floats:
    centres = (np.arange(_GRID) + 0.5) / _GRID * 2 - 1
    bell = np.exp(-_WINDOW * centres**2)
    return np.outer(bell, bell).astype(np.float32)


@cache
def _averages(crop: float, side: int) -> Floats:
    """The matrix that averages a row of `side` pixels, cropped at both ends, into the cells of the grid."""
    edges = np.linspace(crop * side, (1 - crop) * side, _GRID + 1)
    pixels = np.arange(side)
    overlap = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    weights = np.maximum(overlap, 0)
    return np.asarray(weights / weights.sum(1, keepdims=True), np.float32)
