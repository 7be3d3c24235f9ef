"""Calibrate the range of each tensor's 8-bit integers by the least squared error of rounding and clipping.

The maximum over some hundred images is two to ten times the bulk of the values. A step size for that range costs more
accuracy than clipping (Banner et al., "Post training 4-bit quantization of convolutional networks for
rapid-deployment", NeurIPS 2019; here with measured histograms instead of assumed distributions).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from shelfmind.arrays import Ints, Wide
from shelfmind.exporting.inner_tensors import inner_tensors
from shelfmind.inference.engines import Batch

if TYPE_CHECKING:
    from onnx import ModelProto

BINS = 4096
VALUES = 20_000
"""Number of values per tensor and image in the histogram. Minimum and maximum are over all values."""
LEVELS = 255
SHARES = np.linspace(0.15, 1, 52)
"""Candidate ranges as shares of the maximum, for tensors without negative values."""
SIGNED_SHARES = np.linspace(0.25, 1, 16)
"""Candidate shares of minimum and maximum, in all combinations."""

Range = tuple[float, float]


def least_error_ranges(model: ModelProto, tensors: Sequence[str], images: Batch) -> dict[str, Range]:
    """Return the range of each tensor's integers, calibrated on images (N, S, S, 3)."""
    low = dict.fromkeys(tensors, 0.0)
    high = dict.fromkeys(tensors, 0.0)
    for found in inner_tensors(model, tensors, images):
        for name, values in found.items():
            low[name] = min(low[name], float(values.min()))
            high[name] = max(high[name], float(values.max()))
    counts = {name: np.zeros(BINS, np.int64) for name in tensors}
    for found in inner_tensors(model, tensors, images):
        for name, values in found.items():
            flat = values.reshape(-1)
            some = flat[:: max(1, len(flat) // (VALUES * len(values))) | 1]  # odd: not a multiple of a pixel row
            counts[name] += np.histogram(some, BINS, (low[name], _above(low[name], high[name])))[0]
    return {name: least_error_range(counts[name], low[name], high[name]) for name in tensors}


def least_error_range(counts: Ints, low: float, high: float) -> Range:
    """Return the best range that contains 0, for a histogram with equal bins from `low` <= 0 to `high` >= 0."""
    edges = np.linspace(low, _above(low, high), len(counts) + 1)
    centres = (edges[1:] + edges[:-1]) / 2
    lows = low * SIGNED_SHARES if low < 0 else np.zeros(1)
    highs = high * (SIGNED_SHARES if low < 0 else SHARES)
    ranges = [(float(a), float(b)) for a in lows for b in highs]
    return min(ranges, key=lambda each: _squared_error(centres, counts, *each))


def _squared_error(values: Wide, counts: Ints, low: float, high: float) -> float:
    step = max(high - low, 1e-12) / LEVELS
    zero = np.round(-low / step)
    rounded = (np.clip(np.round(values / step) + zero, 0, LEVELS) - zero) * step
    return float(((rounded - values) ** 2 * counts).sum())


def _above(low: float, high: float) -> float:
    return high if high > low else low + 1e-6
