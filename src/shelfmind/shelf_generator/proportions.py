"""The aspect ratios of RP2K's photos: the distribution of height / width, and its quantiles."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

BUCKET = 0.5
RP2K_COUNTS = (6038, 34883, 34232, 53289, 51898, 70720, 57306, 31690, 3802, 475)
"""Training images of RP2K by height / width, in bins of 0.5 from 0 to 5."""
SHARES: npt.NDArray[np.float64] = np.array(RP2K_COUNTS, np.float64) / sum(RP2K_COUNTS)
LOWEST, HIGHEST = 0.24, 4.9
"""Limits of height / width; the outermost bins start and end here."""


TILT = 0.036
"""Mean tilt of a photo (radians), including the effects of perspective and margins."""


def ratio_at(rank: float) -> float:
    """The height / width at quantile `rank` (0 to 1) of RP2K's images."""
    edges = np.arange(len(SHARES) + 1) * BUCKET
    edges[0], edges[-1] = LOWEST, HIGHEST
    return float(np.interp(rank, np.concatenate([[0.0], np.cumsum(SHARES)]), edges))


def body_ratio(ratio: float, depth: float, corners: bool) -> float:
    """Height / width of a package whose photos have the given ratio on average.

    At the default level of `angle`, a photo is closer to square than its product: tilting widens tall products, turning
    shows a side, and a lid is visible from above. `depth` is the package's depth as a share of its width, `corners`
    whether it has a side.
    """
    level = ratio * (1 + 0.15 * depth * corners)
    return float(max((level - TILT) / (1 - TILT * level) - 0.08 * depth, 0.15))


def bucket_of(ratios: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """The bin of each height / width; values above the last bin belong to the last."""
    buckets = np.floor(np.asarray(ratios, np.float64) / BUCKET).astype(np.int64)
    return np.asarray(np.clip(buckets, 0, len(SHARES) - 1), np.int64)


def spread_rank(number: int, offset: float) -> float:
    """The `number`-th rank in 0..1 of a low-discrepancy sequence (van der Corput)."""
    rank, step = 0.0, 0.5
    while number:
        number, bit = divmod(number, 2)
        rank += bit * step
        step /= 2
    return (rank + offset) % 1.0
