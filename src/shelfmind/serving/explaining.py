"""Where an answer comes from, by any engine: occlusion sensitivity (Zeiler and Fergus, ECCV 2014).

A grey patch covers the square place by place; where the product's probability falls most, there it was seen.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from shelfmind.arrays import Floats
from shelfmind.images.squares import Square
from shelfmind.pages.overlays import overlay
from shelfmind.pages.thumbnails import data_uri

METHOD = "occlusion"
GRID = 7
EDGE = 256


def covered(square: Square, grid: int = GRID) -> list[Square]:
    """Copies of a square (S, S, 3) with one of `grid` x `grid` patches grey, row by row; patches overlap by half."""
    side = len(square)
    step = side / grid
    grey = square.reshape(-1, 3).mean(axis=0).astype(np.uint8)
    copies = []
    for row in range(grid):
        for column in range(grid):
            copy = square.copy()
            top, left = (max(0, int((each - 0.25) * step)) for each in (row, column))
            bottom, right = (min(side, int((each + 1.25) * step)) for each in (row, column))
            copy[top:bottom, left:right] = grey
            copies.append(copy)
    return copies


def sensitivity(probability: float, of_covered: Sequence[float], grid: int = GRID) -> Floats:
    """How much each patch counts, (grid, grid), from 0 to 1 for the one that counts most."""
    falls = np.clip(probability - np.asarray(of_covered, np.float32), 0, None).reshape(grid, grid)
    highest = float(falls.max())
    return falls / highest if highest > 0 else falls


def picture(square: Square, map_: Floats) -> str:
    """The square with its map as a JPEG ``data:`` URI."""
    return data_uri(overlay(square, map_), EDGE)
