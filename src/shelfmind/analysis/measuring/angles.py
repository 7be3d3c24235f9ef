"""Estimates the pose of a package from the directions of its edges: in-plane rotation and perspective."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from shelfmind.arrays import Floats, Wide

CLEAR = 0.3
"""From this value of `Directions.clear` on, an image has usable lines."""
_WINDOW = 5
_STRONG = 12.0
"""Gradient in grey levels per pixel at which an edge's weight saturates: one black line must not outvote a page of
print."""
_WEAK = 3.0
_MIN_EDGES = 20
_SHARPNESS_DEG = 2.0
_FAMILY_SHARPNESS_DEG = 3.0
"""Beyond this, the lines of a bulging or crumpled package share no vanishing point."""
_OUTLIER_DEG = 16
"""Edges farther than this from both directions of the package belong to neither."""
_SHIFTS_DEG = np.arange(-8, 9)
_CHANGES_DEG = np.arange(-20, 21)
_POSITIONS = 9
_CONVERGENCE_PENALTY = 0.004
"""How much a vote for convergence must exceed a vote for none: noise adds some convergence everywhere."""


@dataclass(frozen=True, slots=True)
class Directions:
    """The pose of the package as estimated from the edges of an image.

    `tilt_deg` is the in-plane rotation, -45 to 45, positive clockwise. `convergence_deg` is the difference in direction
    of one family of lines between the two sides of the image, `skew_deg` the deviation of the two families from a right
    angle, both at least 0. `clear` (0 to 1) is how strongly the edges follow two perpendicular directions; without
    clear lines the angles are 0.
    """

    tilt_deg: float = 0.0
    convergence_deg: float = 0.0
    skew_deg: float = 0.0
    clear: float = 0.0

    @property
    def askew_deg(self) -> float:
        """Perspective: how far parallel and perpendicular lines on the package deviate from that in the image."""
        return float(np.hypot(self.convergence_deg, self.skew_deg))


@dataclass(frozen=True, slots=True)
class _Edges:
    """Edge pixels: the direction across each, its weight, and its position (-0.5 to 0.5), shape (N,)."""

    degrees: Wide
    weight: Wide
    x: Wide
    y: Wide


def directions(grey: Floats) -> Directions:
    """The edge directions of an image, from its denoised luma of shape (height, width).

    Structure tensors over five pixels (Bigun and Granlund, "Optimal orientation detection of linear symmetry", ICCV
    1987) give the edge direction of each pixel and its clarity. The histogram of directions modulo a right angle,
    weighted towards the image centre, peaks at the tilt. Each family of lines, near-vertical and near-horizontal, is
    then fitted by a direction and a linear change of direction across the image, as a vanishing point causes it: the
    pair with the most votes, as in a Hough transform.
    """
    edges = _edges(grey)
    if np.count_nonzero(edges.weight) < _MIN_EDGES:
        return Directions()
    folded = _blurred(
        np.bincount(np.floor(edges.degrees % 90).astype(np.int64) % 90, edges.weight, 90).astype(np.float64)
    )
    clear = 1 - float(folded.mean() / folded.max())
    if clear < CLEAR:
        return Directions(clear=clear)
    tilt = float((folded.argmax() + 0.5 + 45) % 90 - 45)
    steep_shift, steep_change = _family(edges.degrees - tilt, edges.weight, edges.x)
    flat_shift, flat_change = _family(edges.degrees - tilt - 90, edges.weight, edges.y)
    return Directions(
        tilt_deg=tilt + (steep_shift + flat_shift) / 2,
        convergence_deg=max(abs(steep_change), abs(flat_change)),
        skew_deg=abs(steep_shift - flat_shift),
        clear=clear,
    )


def _edges(grey: Floats) -> _Edges:
    """The edges within the image; the response of Scharr's operator is isotropic to within half a degree."""
    if min(grey.shape) < 2 * _WINDOW:
        nothing = np.zeros(0)
        return _Edges(nothing, nothing, nothing, nothing)
    down = (3 * grey[:-2] + 10 * grey[1:-1] + 3 * grey[2:]) / 16
    along = (3 * grey[:, :-2] + 10 * grey[:, 1:-1] + 3 * grey[:, 2:]) / 16
    across_x, across_y = (down[:, 2:] - down[:, :-2]) / 2, (along[2:] - along[:-2]) / 2
    xx, yy, xy = _local(across_x * across_x), _local(across_y * across_y), _local(across_x * across_y)
    energy, apart = xx + yy, xx - yy
    strength = np.clip((np.sqrt(energy) - _WEAK) / (_STRONG - _WEAK), 0, 1)
    coherence = (apart * apart + 4 * xy * xy) / np.maximum(energy * energy, np.float32(1e-9))
    y, x = ((np.arange(side, dtype=np.float32) + 0.5) / side - 0.5 for side in energy.shape)
    weight = strength * coherence * np.exp(-2 * y * y)[:, None] * np.exp(-2 * x * x)[None, :]
    rows, columns = np.nonzero(weight > 0.01)
    degrees = np.degrees(np.arctan2(2 * xy[rows, columns], apart[rows, columns])) / 2
    found = (degrees, weight[rows, columns], x[columns], y[rows])
    return _Edges(*(each.astype(np.float64) for each in found))


def _local(product: Floats) -> Floats:
    """Window means at every second pixel in each direction, which loses no information."""
    height, width = (side - _WINDOW + 1 for side in product.shape)
    rows = sum((product[start : start + height] for start in range(1, _WINDOW)), start=product[:height])
    both = sum((rows[:, start : start + width] for start in range(1, _WINDOW)), start=rows[:, :width])
    return np.asarray(both[::2, ::2] / np.float32(_WINDOW**2))


def _blurred(counts: Wide) -> Wide:
    """Circularly blurred counts by degree."""
    reach = np.arange(-6, 7)
    bell = np.exp(-((reach / _SHARPNESS_DEG) ** 2) / 2)
    padded = np.concatenate([counts[-6:], counts, counts[:6]])
    return np.convolve(padded, bell / bell.sum(), mode="valid")


def _family(degrees: Wide, weight: Wide, position: Wide) -> tuple[float, float]:
    """Direction at the middle and its change from side to side, in degrees, of the lines near 0 degrees."""
    apart = (degrees + 90) % 180 - 90
    near = np.abs(apart) < _OUTLIER_DEG
    rows = np.clip(((position[near] + 0.5) * _POSITIONS).astype(np.int64), 0, _POSITIONS - 1)
    bins = np.floor(apart[near]).astype(np.int64) + _OUTLIER_DEG
    counts = np.bincount(rows * 2 * _OUTLIER_DEG + bins, weight[near], _POSITIONS * 2 * _OUTLIER_DEG)
    votes = _templates() @ counts
    total = counts.sum()
    if not total:
        return 0.0, 0.0
    votes = votes.reshape(len(_SHIFTS_DEG), len(_CHANGES_DEG)) - total * _CONVERGENCE_PENALTY * np.abs(_CHANGES_DEG)
    shift, change = np.unravel_index(int(votes.argmax()), votes.shape)
    return float(_SHIFTS_DEG[shift]), float(_CHANGES_DEG[change])


@cache
def _templates() -> Wide:
    """The agreement of an edge at a position and direction with each pair of shift and change."""
    shifts, changes = (each.ravel() for each in np.meshgrid(_SHIFTS_DEG, _CHANGES_DEG, indexing="ij"))
    positions = (np.arange(_POSITIONS) + 0.5) / _POSITIONS - 0.5
    expected = shifts[:, None, None] + changes[:, None, None] * positions[None, :, None]
    found = np.arange(2 * _OUTLIER_DEG)[None, None, :] + 0.5 - _OUTLIER_DEG
    agreement = np.exp(-(((found - expected) / _FAMILY_SHARPNESS_DEG) ** 2) / 2)
    return np.asarray(agreement.reshape(len(shifts), -1))
