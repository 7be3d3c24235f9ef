"""Aligns pairs of fingerprints and measures the residual, to verify that two images are near-duplicates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shelfmind.arrays import Floats, Wide
from shelfmind.images.fingerprints import CHROMA_SIDE, SIDE

Plan = tuple[tuple[int, int], ...]
_COARSE, _CLOSER = 16, 24
"""Picture sides of the first comparisons, which avoid the full-size alignment of most pairs."""
_COARSE_PLAN = ((2, 3), (1, 2))
_CLOSER_PLAN = ((2, 1), (1, 2))
FINE_PLAN: Plan = ((3, 2), (2, 2), (1, 2))
"""(blurs, steps) of the alignment search: blurred first, to avoid local optima."""
_STARTS = (0.0, -0.1, 0.1)
"""Initial stretches of the search: none, and a 5% crop on all sides of either picture."""
_FURTHEST = 0.15
"""The largest shift of a border, as a share of the side."""
_SATURATED = 250.0
_LOCAL = 5
_SHOWS = 0.25
"""The share of the picture's contrast above which a window has content."""


@dataclass(frozen=True, slots=True)
class Difference:
    """The residual of P pairs after aligning crop, brightness and contrast; all have shape (P,).

    `whole` is the root mean square of the luma differences over the contrast of the picture, `local` the same in the
    worst 5 by 5 window of the 48 by 48 pixels (still over the contrast of the whole). `likeness` is the smallest
    correlation of the two in any such window with content: different letters at the same position do not correlate.
    `colour` is the greatest local difference of a chroma channel in levels 0..255, `tint` the greatest mean difference,
    `gain` the brightness factor between the two, and `moved` the greatest shift of a border as a share of the side.

    A copy is not turned, and its light does not change across the picture; a second shot nearly always is. `turned` is
    by how many of the 48 pixels a turn or shear would move the middle of a border to explain more of the residual.
    `shaped` is the part of `whole` that is explained by a turn, another perspective or uneven light.
    """

    whole: Floats
    local: Floats
    likeness: Floats
    colour: Floats
    tint: Floats
    gain: Floats
    moved: Floats
    turned: Floats
    shaped: Floats


def rough_fit(first: npt.NDArray[np.void], second: npt.NDArray[np.void]) -> tuple[Floats, Floats]:
    """Cheaply align P pairs of fingerprints at a ninth of the pixels.

    Returns the initial warp for `closer_fit`, shape (P, 4), and an estimate of `Difference.whole`, shape (P,).
    """
    planes = [reduced(each["luma"].astype(np.float32), SIDE // _COARSE) for each in (first, second)]
    starts = np.zeros((len(_STARTS), len(first), 4), np.float32)
    starts[:, :, 1::2] = _COARSE * np.array(_STARTS, np.float32)[:, None, None]
    before = np.stack([_residual(planes[0], planes[1], start).whole for start in starts])
    warp = _aligned(planes[0], planes[1], _COARSE_PLAN, starts[before.argmin(0), np.arange(len(first))])
    return warp * (SIDE / _COARSE), _residual(planes[0], planes[1], warp).whole


def closer_fit(first: npt.NDArray[np.void], second: npt.NDArray[np.void], start: Floats) -> tuple[Floats, Floats]:
    """Refine the result of `rough_fit` at a quarter of the pixels, as the start for `difference`."""
    planes = [reduced(each["luma"].astype(np.float32), SIDE // _CLOSER) for each in (first, second)]
    warp = _aligned(planes[0], planes[1], _CLOSER_PLAN, start * (_CLOSER / SIDE))
    return warp * (SIDE / _CLOSER), _residual(planes[0], planes[1], warp).whole


def difference(
    first: npt.NDArray[np.void], second: npt.NDArray[np.void], start: Floats, plan: Plan = FINE_PLAN
) -> Difference:
    """The difference of P pairs of fingerprints, both of shape (P,), after aligning the first with the second.

    Four borders may move (a crop), and luma may change by a factor and an offset. Gauss-Newton steps (Lucas and Kanade,
    1981) on all pairs at once, starting from the result of `closer_fit`. An empty `plan` keeps the start.
    """
    luma = [each["luma"].astype(np.float32) for each in (first, second)]
    warp = _aligned(luma[0], luma[1], plan, start)
    left = _residual(luma[0], luma[1], warp)
    local = _worst_window(left.rest, _LOCAL) / left.contrast
    likeness = _least_likeness(left.warped, left.target, left.mask, _SHOWS * left.contrast)
    shifts = np.stack([warp[:, 0] - warp[:, 1] / 2, warp[:, 0] + warp[:, 1] / 2], 1)
    shifts_x = np.stack([warp[:, 2] - warp[:, 3] / 2, warp[:, 2] + warp[:, 3] / 2], 1)
    moved = np.abs(np.concatenate([shifts, shifts_x], 1)).max(1) / SIDE
    colour, tint = _colour_residual(first["chroma"], second["chroma"], warp * (CHROMA_SIDE / SIDE), left.gain)
    turned, shaped = _other_shot(left)
    return Difference(
        left.whole, local, likeness, colour, tint, left.gain, np.asarray(moved, np.float32), turned, shaped
    )


def _aligned(first: Floats, second: Floats, plan: Plan, start: Floats) -> Floats:
    """The best (shift, stretch) down and across in pixels that aligns `first` with `second`, shape (P, 4)."""
    warp = start
    side = first.shape[1]
    across = centred(side)
    for blurs, steps in plan:
        source, target = blurred(first, blurs), blurred(second, blurs)
        for _ in range(steps):
            warped, mask = _warped(source, warp)
            down_slope, across_slope = np.gradient(warped, axis=1), np.gradient(warped, axis=2)
            slopes = [down_slope, down_slope * across[:, None], across_slope, across_slope * across]
            columns = [*slopes, warped / 64, np.ones_like(warped)]
            solution = _least_squares(columns, target, mask, stiffness=0.02 * side * side)
            gain = np.where(np.abs(solution[:, 4]) < 64 * 0.2, 64 * 0.2, solution[:, 4]) / 64
            step = np.clip(solution[:, :4] / gain[:, None], -1.5, 1.5)
            warp = np.clip(warp + step, -_FURTHEST * side, _FURTHEST * side)
    return warp


def _least_squares(columns: list[Floats], target: Floats, mask: Floats, stiffness: float) -> Floats:
    """Least-squares weights of the columns for the target where the mask is 1, shape (P, columns)."""
    normal, right = _normal_equations(columns, target, mask)
    moves = np.arange(4)
    normal[:, moves, moves] += stiffness  # a flat picture does not move
    return np.asarray(np.linalg.solve(normal, right)[..., 0], np.float32)


def _explained(columns: list[Floats], target: Floats, mask: Floats, allowed: int) -> tuple[Floats, Wide]:
    """Least-squares weights of the columns, and how much more of the target's energy they explain than the first
    `allowed` columns."""
    normal, right = _normal_equations(columns, target, mask)
    weights = np.linalg.solve(normal, right)
    few = np.linalg.solve(normal[:, :allowed, :allowed], right[:, :allowed])
    explained = (weights * right).sum((1, 2)) - (few * right[:, :allowed]).sum((1, 2))
    return np.asarray(weights[..., 0], np.float32), np.maximum(explained, 0)


def _normal_equations(columns: list[Floats], target: Floats, mask: Floats) -> tuple[Wide, Wide]:
    """The products of the columns with each other (P, columns, columns) and the target (P, columns, 1)."""
    stacked = np.empty((len(target), len(columns) + 1, target[0].size), np.float32)
    for row, plane in enumerate((*columns, target)):
        np.multiply(plane, mask, out=stacked[:, row].reshape(target.shape))
    # Not `design @ design.T`: BLAS starts threads for it however small it is, and they wait longer than they compute.
    products = (stacked[:, :-1] @ stacked.transpose(0, 2, 1)).astype(np.float64)
    normal, right = products[:, :, :-1], products[:, :, -1:]
    diagonal = np.arange(len(columns))
    normal[:, diagonal, diagonal] += 1e-3 + 1e-6 * np.trace(normal, axis1=1, axis2=2)[:, None]
    return normal, right


@dataclass(frozen=True, slots=True)
class _Residual:
    """The two blurred pictures, the first aligned with the second, and the residual where `mask` is 1."""

    warped: Floats
    target: Floats
    mask: Floats
    rest: Floats
    contrast: Floats
    gain: Floats
    whole: Floats


def _residual(first: Floats, second: Floats, warp: Floats) -> _Residual:
    """The luma of `second` that `first`, aligned by this warp, does not explain."""
    source, target = blurred(first, 1), blurred(second, 1)
    warped, mask = _warped(source, warp)
    mask[:, [0, -1]] = 0  # the borders of a crop are the least certain
    mask[:, :, [0, -1]] = 0
    pixels = np.maximum(mask.sum((1, 2)), 1)

    def mean(plane: Floats) -> Floats:
        return np.asarray((plane * mask).sum((1, 2)) / pixels)

    source_mean, target_mean = mean(warped), mean(target)
    one, two = warped - source_mean[:, None, None], target - target_mean[:, None, None]
    variance = mean(np.square(one))
    gain = mean(np.multiply(one, two)) / (variance + 1)
    rest = (two - gain[:, None, None] * one) * mask
    # Values saturate at white: differences caused by clipping, before or after applying the factor, are ignored.
    rest[(target >= _SATURATED) & (rest < 0)] = 0
    rest[(warped >= _SATURATED) & (rest > 0)] = 0
    contrast = np.sqrt(np.maximum(np.maximum(variance, mean(np.square(two))), 1))
    return _Residual(warped, target, mask, rest, contrast, gain, np.sqrt(mean(np.square(rest))) / contrast)


def _least_likeness(one: Floats, two: Floats, mask: Floats, least_contrast: Floats) -> Floats:
    """The smallest correlation in a window where either picture has this contrast, shape (P,); 1 if there is none."""
    pixels = _LOCAL**2
    means = [_window_sums(plane, _LOCAL) / pixels for plane in (one, two)]
    products = ((one, one), (two, two), (one, two))
    moments = [_window_sums(np.multiply(left, right), _LOCAL) / pixels for left, right in products]
    variances = [np.maximum(moments[i] - means[i] ** 2, 0) for i in (0, 1)]
    shows = np.maximum(*variances) > np.square(least_contrast)[:, None, None]
    shows &= _window_sums(mask, _LOCAL) > pixels - 0.5
    correlation = (moments[2] - means[0] * means[1]) / (np.sqrt(variances[0] * variances[1]) + 1e-3)
    return np.asarray(np.where(shows, correlation, 1.0).min((1, 2)), np.float32)


def _other_shot(left: _Residual) -> tuple[Floats, Floats]:
    """`Difference.turned` and `Difference.shaped`: what explains the residual, but cannot happen to a copy."""
    plane, (down_slope, along_slope) = left.warped, (np.gradient(left.warped, axis=axis) for axis in (1, 2))
    x = np.broadcast_to(centred(SIDE), plane.shape)
    y = x.transpose(0, 2, 1)
    allowed = [down_slope, down_slope * y, along_slope, along_slope * x, plane / 64, np.ones_like(plane)]
    turns = [down_slope * x, along_slope * y]
    perspectives = [(down_slope * y + along_slope * x) * x, (down_slope * y + along_slope * x) * y]
    light = [x * 16, y * 16, x * plane / 16, y * plane / 16]
    weights, explained = _explained([*allowed, *turns, *perspectives, *light], left.rest, left.mask, len(allowed))
    slopes = np.abs(weights[:, len(allowed) : len(allowed) + len(turns)]).max(1) / np.maximum(np.abs(left.gain), 0.2)
    pixels = np.maximum(left.mask.sum((1, 2)), 1)
    return np.asarray(slopes / 2, np.float32), np.asarray(np.sqrt(explained / pixels) / left.contrast, np.float32)


def _colour_residual(
    first: npt.NDArray[np.uint8], second: npt.NDArray[np.uint8], warp: Floats, gain: Floats
) -> tuple[Floats, Floats]:
    """`Difference.colour` and `Difference.tint`."""
    worst, mean = np.zeros(len(first), np.float32), np.zeros(len(first), np.float32)
    for plane in (0, 1):
        source, target = (blurred(each[:, plane].astype(np.float32) - 128, 1) for each in (first, second))
        warped, mask = _warped(source, warp)
        rest = (target - np.clip(gain, 0.5, 2)[:, None, None] * warped) * mask
        worst = np.maximum(worst, _worst_window(rest, 3))
        mean = np.maximum(mean, np.abs(rest.sum((1, 2))) / np.maximum(mask.sum((1, 2)), 1))
    return worst, mean


def _worst_window(rest: Floats, side: int) -> Floats:
    """The greatest root mean square in a window of `side` by `side` pixels, shape (P,)."""
    windows = _window_sums(np.square(rest), side)
    return np.asarray(np.sqrt(np.maximum(windows.max((1, 2)), 0)) / side, np.float32)


def _window_sums(planes: Floats, side: int) -> npt.NDArray[np.float64]:
    """Sums over all windows of `side` by `side` pixels, shape (P, positions down, positions across)."""
    sums = np.pad(planes, ((0, 0), (1, 0), (1, 0))).cumsum(1, dtype=np.float64).cumsum(2)
    return np.asarray(sums[:, side:, side:] - sums[:, :-side, side:] - sums[:, side:, :-side] + sums[:, :-side, :-side])


def _warped(planes: Floats, warp: Floats) -> tuple[Floats, Floats]:
    """The planes sampled through (shift, stretch), and a mask that is 1 inside them, both shape (P, side, side)."""
    side = planes.shape[1]
    rows, inside_rows = _interpolation(warp[:, :2], side)
    columns, inside_columns = _interpolation(warp[:, 2:], side)
    mask = (inside_rows[:, :, None] & inside_columns[:, None, :]).astype(np.float32)
    return np.asarray(rows @ planes @ columns.transpose(0, 2, 1)), mask


def _interpolation(warp: Floats, side: int) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Cubic (Catmull-Rom) interpolation along one axis as matrices (P, side, side), and which positions are inside."""
    wanted = np.arange(side, dtype=np.float32) + warp[:, :1] + warp[:, 1:] * centred(side)
    inside = (wanted >= 0) & (wanted <= side - 1)
    held = np.clip(wanted, 0, side - 1)
    left = np.minimum(held.astype(np.int64), side - 2)
    t = (held - left)[..., None]
    near = (
        -0.5 * t + t**2 - 0.5 * t**3,
        1 - 2.5 * t**2 + 1.5 * t**3,
        0.5 * t + 2 * t**2 - 1.5 * t**3,
        -0.5 * t**2 + 0.5 * t**3,
    )
    matrix = np.zeros((*wanted.shape, side), np.float32)
    for offset, weight in zip((-1, 0, 1, 2), near, strict=True):
        column = np.clip(left + offset, 0, side - 1)[..., None]
        np.put_along_axis(matrix, column, np.take_along_axis(matrix, column, 2) + weight, 2)
    return matrix, inside


def blurred(planes: Floats, times: int) -> Floats:
    for _ in range(times):
        padded = np.pad(planes, ((0, 0), (1, 1), (1, 1)), mode="edge")
        rows = (padded[:, :-2] + 2 * padded[:, 1:-1] + padded[:, 2:]) / 4
        planes = (rows[:, :, :-2] + 2 * rows[:, :, 1:-1] + rows[:, :, 2:]) / 4
    return planes


def reduced(planes: Floats, factor: int) -> Floats:
    """Means of `factor` by `factor` pixels."""
    side = planes.shape[1] // factor
    return np.asarray(planes.reshape(len(planes), side, factor, side, factor).mean((2, 4)))


def centred(side: int) -> Floats:
    """The positions of pixels from -0.5 to 0.5 of the side."""
    return (np.arange(side, dtype=np.float32) - (side - 1) / 2) / side
