"""Compute embeddings of photos with a run's network and preprocessing, averaged with those of mirror images."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from shelfmind.arrays import Floats
from shelfmind.errors import UserError
from shelfmind.inference.batch_sizes import BatchSize
from shelfmind.inference.engines import AUTO, MINDSPORE
from shelfmind.inference.exported import read_exported
from shelfmind.inference.predictor import EXACT, Predictor, RunPredictor, file_predictor
from shelfmind.progress import Counter, count_silently
from shelfmind.recipe import model_kind
from shelfmind.runs.folder import RunFolder

FLIP = "flip"
PREPARATION = ("resize_to", "resize", "fill", "mean", "std")


class PhotoEmbedder:
    """Computes embeddings (N, D) of photos as the mean over the test-time views of a predictor."""

    def __init__(self, predictor: Predictor, counter: Counter = count_silently) -> None:
        self.predictor = predictor
        self.counter = counter

    @property
    def identity(self) -> Mapping[str, Any]:
        """Everything that determines the vectors: weights, network, preprocessing and views; and the vector length."""
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
            "run": str(predictor.place.absolute()),
        }

    def embed(self, photos: Iterable[bytes], total: int) -> Floats:
        """Return vectors (N, D) of encoded photos, in order.

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


class RunEmbedder(PhotoEmbedder):
    """Computes embeddings of photos with a run, as the mean over its test-time views and their mirror images."""

    predictor: RunPredictor

    def __init__(
        self,
        run: RunFolder,
        counter: Counter = count_silently,
        engine: str = MINDSPORE,
        batch: BatchSize = None,
        decode: str = EXACT,
    ) -> None:
        """Raises `UserError` if the folder is not a run or the engine cannot be used."""
        views = with_mirror_images(run.read_recipe().evaluation.tta)
        super().__init__(RunPredictor(run, views, engine=engine, batch=batch, decode=decode), counter)


def photo_embedder(
    place: Path,
    counter: Counter = count_silently,
    engine: str = AUTO,
    batch: BatchSize = None,
    decode: str = EXACT,
) -> PhotoEmbedder:
    """Return the embedder of a run folder or an exported file. `batch` and `decode` are those of `predictor.load`."""
    if not place.is_file():
        return RunEmbedder(RunFolder(place), counter, engine, batch, decode)
    views = with_mirror_images(read_exported(place).recipe.evaluation.tta)
    return PhotoEmbedder(file_predictor(place, views, engine, batch=batch, decode=decode), counter)


def with_mirror_images(views: Sequence[str]) -> tuple[str, ...]:
    """Return test-time views with their mirror images."""
    return tuple(views) if FLIP in views else (FLIP, *views)
