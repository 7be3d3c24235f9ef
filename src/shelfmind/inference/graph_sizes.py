"""The few numbers of images that a graph is compiled for, and the pieces of those numbers that answer any other."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from shelfmind.arrays import Floats
from shelfmind.inference.engines import Batch

SIZES = (1, 4, 16)
"""Besides whole batches. Compiling takes as long as hundreds of images, so there is no graph for each number."""
CALL = 1
"""What a call costs besides its images, in images (`shelfnet_s` at 160 px: 4 ms, and 5 ms an image)."""


class GraphSizes:
    """Which graphs there are: one is compiled where none that is there takes so many images, the least that does.

    So a single photo never costs a whole batch, and the last images of many cost no further compilation. Whoever asks
    for each of `sizes` from the least on has them all.
    """

    def __init__(self, batch_size: int, few: int | None = None) -> None:
        """Up to `batch_size` images are asked for at once, often `few`."""
        wanted = {*SIZES, batch_size if few is None else few}
        self.sizes = tuple(sorted({size for size in wanted if size < batch_size} | {batch_size}))
        self.ready: set[int] = set()

    def pieces(self, count: int) -> list[int]:
        """Sizes of the graphs that answer `count` images; the last one may be larger than what is left for it."""
        if count > max(self.ready, default=0):
            self.ready.add(next(size for size in self.sizes if size >= count))
        least = min(size for size in self.ready if size >= count)
        parted = _parted(count, sorted(self.ready, reverse=True))
        return min([least], parted, key=lambda sizes: sum(size + CALL for size in sizes))

    def answers(self, images: Batch, compute: Callable[[Batch], Sequence[Floats]]) -> tuple[Floats, ...]:
        """What `compute` says of images (N, ...), which it is given in pieces, padded by the last image."""
        parts, done = [], 0
        for size in self.pieces(len(images)):
            piece = images[done : done + size]
            padding = np.repeat(piece[-1:], size - len(piece), axis=0)
            outputs = compute(np.concatenate([piece, padding]) if len(padding) else piece)
            parts.append([output[: len(piece)] for output in outputs])
            done += len(piece)
        return tuple(np.concatenate(each) if len(parts) > 1 else each[0] for each in zip(*parts, strict=True))


def _parted(count: int, ready: Sequence[int]) -> list[int]:
    """The largest graphs that are filled, and the smallest one for what is left."""
    found = []
    while count > 0:
        found.append(next((size for size in ready if size <= count), ready[-1]))
        count -= found[-1]
    return found
