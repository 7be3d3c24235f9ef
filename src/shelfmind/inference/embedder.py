"""A run as a maker of vectors: its network's embeddings, mirror image included, of photos prepared as it does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from shelfmind.arrays import Floats
from shelfmind.errors import UserError
from shelfmind.inference.predictor import Predictor
from shelfmind.progress import Counter, count_silently
from shelfmind.recipe import model_kind
from shelfmind.runs.folder import RunFolder

FLIP = "flip"
FEW = 8
"""Photos that are embedded at once where there are not more: those of one product, those of one request."""
PREPARATION = ("resize_to", "resize", "fill", "mean", "std")


class RunEmbedder:
    """Embeddings (N, D) of photos by a run: the mean over its test-time views and their mirror images."""

    def __init__(self, run: RunFolder, counter: Counter = count_silently) -> None:
        """Raises `UserError` for a folder that is no run."""
        views = tuple(run.read_recipe().evaluation.tta)
        self.predictor = Predictor(run, views if FLIP in views else (FLIP, *views), few=FEW)
        self.counter = counter

    @property
    def identity(self) -> Mapping[str, Any]:
        """What decides the vectors: weights, network, preparation, views; and how long they are."""
        predictor = self.predictor
        data = predictor.recipe.data.model_dump(mode="json")
        return {
            "weights": predictor.checksum,
            "network": model_kind(predictor.recipe, len(predictor.class_names)),
            "preparation": {
                **{name: data[name] for name in PREPARATION},
                "evaluation_size": predictor.recipe.evaluation_size,
            },
            "views": list(predictor.tta),
            "width": predictor.engine.width,
            "run": str(predictor.run.root.absolute()),
        }

    def embed(self, photos: Iterable[bytes], total: int) -> Floats:
        """Vectors (N, D) of encoded photos, in order.

        Raises:
            UserError: a photo cannot be decoded.
        """
        progress = self.counter("embedding photos", total)
        parts = list(self._batches(photos, progress))
        return np.concatenate(parts) if parts else np.zeros((0, self.predictor.engine.width), np.float32)

    def _batches(self, photos: Iterable[bytes], progress: Any) -> Iterator[Floats]:
        for batch in self.predictor.of_sources(photos):
            bad = next((error for error in batch.errors if error is not None), None)
            if bad is not None:
                raise UserError(f"a photo cannot be used: {bad}")
            progress(len(batch.names))
            yield batch.embeddings
