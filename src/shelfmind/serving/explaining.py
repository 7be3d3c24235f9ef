"""Explain answers of any engine by occlusion sensitivity (Zeiler and Fergus, ECCV 2014).

A grey patch slides over the image. The evidence for a product lies where its probability falls most.
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
    """Return copies of a square (S, S, 3) with one of `grid` x `grid` half-overlapping patches grey, row by row."""
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
    """Return the importance (grid, grid) of each patch, from 0 to 1 for the most important one."""
    falls = np.clip(probability - np.asarray(of_covered, np.float32), 0, None).reshape(grid, grid)
    highest = float(falls.max())
    return falls / highest if highest > 0 else falls


def picture(square: Square, map_: Floats) -> str:
    """Return the square with the heat map as an overlay, as a JPEG ``data:`` URI."""
    return data_uri(overlay(square, map_), EDGE)
