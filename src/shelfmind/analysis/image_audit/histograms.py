"""Counts of values in buckets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Histogram:
    """Counts of values between edges: `counts` has one entry fewer than `edges`; outside values are counted
    separately."""

    edges: tuple[float, ...]
    counts: tuple[int, ...]
    below: int = 0
    above: int = 0


def histogram(values: npt.NDArray[np.float64], edges: Sequence[float]) -> Histogram:
    """Count values into half-open buckets [edge, next edge), shape (N,) for `values`."""
    bounds = np.asarray(edges, np.float64)
    buckets = np.searchsorted(bounds, values, side="right")
    counts = np.bincount(buckets, minlength=len(bounds) + 1)
    return Histogram(tuple(edges), tuple(int(count) for count in counts[1:-1]), int(counts[0]), int(counts[-1]))
