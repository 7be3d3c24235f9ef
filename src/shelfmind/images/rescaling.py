"""Resizes squares in NumPy, bit-identical to MindSpore's operators in training.

MindSpore resizes 8-bit images with OpenCV: by area averages in single precision when shrinking, and linearly in fixed
point when enlarging. Both are reproduced in OpenCV's order of operations, so that a network trained with MindSpore gets
the same input without it.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from shelfmind.arrays import Floats, Ints
from shelfmind.images.squares import Square

Fixed = npt.NDArray[np.int32]
_ONE = 1 << 11
"""A weight of 1 in fixed point."""


def rescaled(image: Square, size: int) -> Square:
    """A (H, H, 3) square as a (size, size, 3) one."""
    side = image.shape[0]
    if size == side:
        return image
    if size > side:
        return _linear(image, size)
    return _in_blocks(image, side // size) if side % size == 0 else _averaged(image, size)


def _averaged(image: Square, size: int) -> Square:
    """Each pixel is the mean of the area that it covers: columns first, then rows."""
    positions, weights = _areas(image.shape[0], size)
    columns = _weighted(np.ascontiguousarray(image.transpose(1, 0, 2)), positions, weights)
    rows = _weighted(np.ascontiguousarray(columns.transpose(1, 0, 2)), positions, weights)
    return np.asarray(np.rint(rows, out=rows), np.uint8)


def _weighted(lines: npt.NDArray[np.generic], positions: Ints, weights: Floats) -> Floats:
    """Weighted sums over K lines of (M, ...) for each of N positions (N, K)."""
    total = lines[positions[:, 0]] * weights[:, 0, None, None]
    for position, weight in zip(positions.T[1:], weights.T[1:], strict=True):
        total += lines[position] * weight[:, None, None]
    return np.asarray(total, np.float32)


def _in_blocks(image: Square, edge: int) -> Square:
    """The means of blocks of `edge` by `edge` pixels; halves are rounded up for blocks of four, to even for others."""
    size = image.shape[0] // edge
    sums = image.reshape(size, edge, size, edge, 3).sum(axis=(1, 3), dtype=np.int32)
    if edge == 2:
        return np.asarray((sums + 2) >> 2, np.uint8)
    return np.asarray(np.rint(sums.astype(np.float32) * np.float32(1 / edge**2)), np.uint8)


def _linear(image: Square, size: int) -> Square:
    (left, across), (upper, down) = _neighbours(image.shape[0], size)
    lines = np.ascontiguousarray(image.transpose(1, 0, 2)).astype(np.int32)
    columns = lines[left[:, 0]] * across[:, 0, None, None] + lines[left[:, 1]] * across[:, 1, None, None]
    columns = np.ascontiguousarray(columns.transpose(1, 0, 2)) >> 4
    rows = (columns[upper[:, 0]] * down[:, 0, None, None]) >> 16
    rows += (columns[upper[:, 1]] * down[:, 1, None, None]) >> 16
    return np.asarray((rows + 2) >> 2, np.uint8)


@lru_cache
def _areas(side: int, size: int) -> tuple[Ints, Floats]:
    """The pixels of `side` that each of `size` new pixels covers, and their weights: two arrays (size, K)."""
    scale = side / size
    covered: list[list[tuple[int, float]]] = []
    for new in range(size):
        start, stop = new * scale, (new + 1) * scale
        width = min(scale, side - start)
        first, last = int(np.ceil(start)), min(int(np.floor(stop)), side - 1)
        first = min(first, last)
        shares = [(first - 1, (first - start) / width)] if first - start > 1e-3 else []
        shares += [(position, 1 / width) for position in range(first, last)]
        shares += [(last, min(stop - last, 1.0, width) / width)] if stop - last > 1e-3 else []
        covered.append(shares)
    most = max(map(len, covered))
    positions, weights = np.zeros((size, most), np.int64), np.zeros((size, most), np.float32)
    for new, shares in enumerate(covered):
        positions[new, : len(shares)], weights[new, : len(shares)] = zip(*shares, strict=True)
    return positions, weights


@lru_cache
def _neighbours(side: int, size: int) -> tuple[tuple[Ints, Fixed], tuple[Ints, Fixed]]:
    """For columns and rows: the two pixels between which each new one lies, and their weights in fixed point, (size,
    2).

    Beyond the centres of the outermost pixels, a column counts once; a row counts twice, with both weights.
    """
    at = ((np.arange(size) + 0.5) * (side / size) - 0.5).astype(np.float32)
    first = np.floor(at).astype(np.int64)
    share = at - first.astype(np.float32)
    outside = (first < 0) | (first >= side - 1)
    columns = np.clip(np.stack([first, first + 1], axis=1), 0, side - 1)
    return (columns, _fixed(np.where(outside, np.float32(0), share))), (columns, _fixed(share))


def _fixed(share: Floats) -> Fixed:
    weights = np.stack([np.float32(1) - share, share], axis=1)
    return np.asarray(np.rint(weights * np.float32(_ONE)), np.int32)
