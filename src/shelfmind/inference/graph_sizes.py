"""The batch sizes that graphs are compiled for, and how other batch sizes are split into them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from shelfmind.arrays import Floats
from shelfmind.inference.engines import Batch

SIZES = (1, 4, 16)
"""Sizes in addition to full batches. Compiling takes as long as hundreds of images, so not every size has a graph."""
CALL = 1
"""Overhead of a call, in images (`shelfnet_s` at 160 px: 4 ms per call and 5 ms per image)."""


class GraphSizes:
    """The compiled graph sizes. If no graph is large enough for a call, the smallest sufficient one is compiled.

    A single photo thus never costs a full batch, and the last images of many need no further compilation. Calling with
    each of `sizes` in ascending order compiles all of them.
    """

    def __init__(self, batch_size: int, few: int | None = None) -> None:
        """Calls have up to `batch_size` images, often `few`."""
        wanted = {*SIZES, batch_size if few is None else few}
        self.sizes = tuple(sorted({size for size in wanted if size < batch_size} | {batch_size}))
        self.ready: set[int] = set()

    def pieces(self, count: int) -> list[int]:
        """Return the graph sizes that process `count` images. The last one may be larger than the rest."""
        if count > max(self.ready, default=0):
            self.ready.add(next(size for size in self.sizes if size >= count))
        least = min(size for size in self.ready if size >= count)
        parted = _parted(count, sorted(self.ready, reverse=True))
        return min([least], parted, key=lambda sizes: sum(size + CALL for size in sizes))

    def answers(self, images: Batch, compute: Callable[[Batch], Sequence[Floats]]) -> tuple[Floats, ...]:
        """Return the outputs of `compute` for images (N, ...), called on pieces that are padded with the last image."""
        parts, done = [], 0
        for size in self.pieces(len(images)):
            piece = images[done : done + size]
            padding = np.repeat(piece[-1:], size - len(piece), axis=0)
            outputs = compute(np.concatenate([piece, padding]) if len(padding) else piece)
            parts.append([output[: len(piece)] for output in outputs])
            done += len(piece)
        return tuple(np.concatenate(each) if len(parts) > 1 else each[0] for each in zip(*parts, strict=True))


def _parted(count: int, ready: Sequence[int]) -> list[int]:
    """Split into the largest filled graphs, and the smallest sufficient one for the rest."""
    found = []
    while count > 0:
        found.append(next((size for size in ready if size <= count), ready[-1]))
        count -= found[-1]
    return found
