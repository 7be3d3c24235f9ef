"""Forward passes from squares to probabilities and embeddings, averaged over test-time views."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np

from shelfmind.arrays import Floats
from shelfmind.batching import batched
from shelfmind.images.rescaling import rescaled
from shelfmind.images.squares import Square
from shelfmind.inference.engines import Batch, Engine
from shelfmind.inference.views import View, apply_view, test_time_views
from shelfmind.machine.ahead import next_ahead

SHARE = 8
MIN_SIZE = 16
"""Minimum size in pixels to which a view shrinks an image."""


class Forward:
    """Runs an engine with test-time views on at most `batch_size` images at once, or `share` with one thread per core.

    Small shares fit a core's cache and finish together. Eight images are as fast as more.
    """

    def __init__(self, engine: Engine, batch_size: int, tta: Sequence[str] = (), share: int = SHARE) -> None:
        self.engine = engine
        self.batch_size = batch_size
        self.tta = tuple(tta)
        self.share = share
        self.views = test_time_views(tta)

    @cached_property
    def parallel(self) -> Forward | None:
        """The same for one thread per core, or None if the engine has no concurrent calls."""
        engine = self.engine.parallel(self.share)
        return None if engine is None else Forward(engine, self.share, self.tta)

    def batch(self, squares: Sequence[Square], size: int) -> tuple[Floats, Floats]:
        """Return probabilities (N, C) and embeddings (N, D) of up to `batch_size` squares, averaged over the views."""
        prepared: dict[View, Batch] = {}
        probabilities: list[Floats] = []
        embeddings: list[Floats] = []
        for view in self.views:
            upright = replace(view, flip=False)
            if upright not in prepared:
                pixels = max(MIN_SIZE, round(size * view.scale))
                prepared[upright] = np.stack([rescaled(apply_view(image, view), pixels) for image in squares])
            images = prepared[upright]
            probability, embedding = self.engine(np.ascontiguousarray(images[:, :, ::-1]) if view.flip else images)
            probabilities.append(probability)
            embeddings.append(embedding)
        if len(self.views) == 1:  # a mean over all classes costs as much as a small network
            return probabilities[0], embeddings[0]
        return np.mean(probabilities, axis=0), np.mean(embeddings, axis=0)

    def batches(self, squares: Iterable[Square], size: int) -> Iterator[tuple[Floats, Floats]]:
        """Apply `batch` to any number of squares, in order and constant memory, reading the next batch ahead."""
        for group in next_ahead(batched(squares, self.batch_size)):
            yield self.batch(group, size)
