"""The proportions of RP2K's photos: shares of height / width, and where a product of a given rank in them lies."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

BUCKET = 0.5
RP2K_COUNTS = (6038, 34883, 34232, 53289, 51898, 70720, 57306, 31690, 3802, 475)
"""Training images of RP2K by height / width, in buckets of 0.5 from 0 to 5."""
SHARES: npt.NDArray[np.float64] = np.array(RP2K_COUNTS, np.float64) / sum(RP2K_COUNTS)
LOWEST, HIGHEST = 0.24, 4.9
"""No product is wider or taller than this: the outermost buckets are filled from here."""


TILT = 0.036
"""Mean of a photo's tilt (radians) and of what perspective and margins add to it."""


def ratio_at(rank: float) -> float:
    """The height / width below which the share `rank` (0 to 1) of RP2K's images lies."""
    edges = np.arange(len(SHARES) + 1) * BUCKET
    edges[0], edges[-1] = LOWEST, HIGHEST
    return float(np.interp(rank, np.concatenate([[0.0], np.cumsum(SHARES)]), edges))


def body_ratio(ratio: float, depth: float, corners: bool) -> float:
    """Height / width of a package whose photos have the given one on average.

    At the default level of `angle` a photo is squarer than its product: tilting widens what is tall, turning shows a
    side, and from above a lid shows. `depth` is the package's share of its width, `corners` whether it has a side.
    """
    level = ratio * (1 + 0.15 * depth * corners)
    return float(max((level - TILT) / (1 - TILT * level) - 0.08 * depth, 0.15))


def bucket_of(ratios: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """The bucket of each height / width; what lies above the last belongs to the last."""
    buckets = np.floor(np.asarray(ratios, np.float64) / BUCKET).astype(np.int64)
    return np.asarray(np.clip(buckets, 0, len(SHARES) - 1), np.int64)


def spread_rank(number: int, offset: float) -> float:
    """A rank in 0..1 for the `number`-th of a sequence whose every stretch covers 0..1 evenly (van der Corput)."""
    rank, step = 0.0, 0.5
    while number:
        number, bit = divmod(number, 2)
        rank += bit * step
        step /= 2
    return (rank + offset) % 1.0
