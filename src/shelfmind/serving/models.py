"""The served model: a run or an exported file, optionally with a gallery; loaded, warmed up and checked first."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np

from shelfmind.arrays import Floats
from shelfmind.errors import UserError
from shelfmind.files import status_of
from shelfmind.images.decoding import DAMAGED, BadImage
from shelfmind.images.squares import Square, square
from shelfmind.inference.batch_sizes import BatchSize
from shelfmind.inference.engines.of_file import FileEngine
from shelfmind.inference.predictor import Batch, Guess, Predictor, load
from shelfmind.inference.recognizer import Answer, Recognizer, recognizer
from shelfmind.runs.folder import RunFolder
from shelfmind.serving.scans import has_too_many_scans

LOG = logging.getLogger("shelfmind.serving")
ROUNDING = 0.01
"""Maximum deviation of a sum of probabilities from 1."""
_GENERATIONS = itertools.count(1)


@dataclass(frozen=True)
class Outcome:
    """The outcome of one image: the reason why it is unusable, or probabilities (C,), embedding (D,) and, with a
    gallery, the answer with the maximum number of candidates."""

    error: str | None = None
    probabilities: Floats | None = None
    embedding: Floats | None = None
    answer: Answer | None = None


@dataclass(frozen=True)
class ModelSource:
    """The source of a model and its inference settings."""

    run: Path
    gallery: str | None = None
    engine: str = "auto"
    batch: BatchSize = None
    decode: str = "exact"
    tta: tuple[str, ...] | None = None


@dataclass(frozen=True, eq=False)
class ServedModel:
    """An immutable model. A new gallery version gives a new object with the same `generation`.

    Attributes:
        predictor: the network.
        recognizer: the network with one version of the gallery; None without a gallery.
        generation: the number of models that this process has loaded, including this one.
        loaded_at: the time of loading (ISO 8601, UTC).
    """

    predictor: Predictor
    recognizer: Recognizer | None
    generation: int = field(default_factory=lambda: next(_GENERATIONS))
    loaded_at: str = field(default_factory=lambda: datetime.now(timezone.utc).isoformat(timespec="seconds"))

    @property
    def supports_concurrency(self) -> bool:
        """Whether the engine supports concurrent calls."""
        return self.predictor.forward.parallel is not None

    def batch_size(self, wanted: int | None) -> int:
        """Return the batch size to use: the wanted one within the engine's limit, or the engine's own if None."""
        forward = self.predictor.forward
        if not self.supports_concurrency:  # a graph has a fixed size
            return min(wanted or forward.batch_size, forward.batch_size)
        return wanted or forward.share

    @property
    def gallery_version(self) -> int | None:
        """The version of the gallery, or None without a gallery."""
        return None if self.recognizer is None else self.recognizer.version

    @property
    def newest_gallery_version(self) -> int | None:
        """The gallery's version when it was last read, even if it cannot be used, or None without a gallery."""
        return None if self.recognizer is None else self.recognizer.gallery.state.version

    @property
    def precision(self) -> str | None:
        """The precision of an exported file, or None for a run."""
        engine = self.predictor.engine
        return engine.exported.precision if isinstance(engine, FileEngine) else None

    def square(self, source: bytes, most_pixels: int) -> Square:
        """Decode and resize an image as the network expects it. Raises `BadImage`."""
        predictor = self.predictor
        if has_too_many_scans(source):
            raise BadImage(DAMAGED)
        return square(source, predictor.recipe.data, predictor.reduced, most_pixels)

    def outcomes(self, squares: Sequence[Square], top: int, concurrent: bool = False) -> list[Outcome]:
        """Return the outcomes of squares with `top` candidates. Set `concurrent` if other threads may call, too."""
        probabilities, embeddings = self.predictor.ask(squares, concurrent)
        outcomes = [
            Outcome(probabilities=row, embedding=vector) for row, vector in zip(probabilities, embeddings, strict=True)
        ]
        if self.recognizer is None:
            return outcomes
        answers = self.recognizer.answers(_batch(probabilities, embeddings), top)
        return [replace(outcome, answer=answer) for outcome, answer in zip(outcomes, answers, strict=True)]

    def guesses(self, outcome: Outcome, top: int) -> tuple[Guess, ...]:
        """Return the most probable classes, without a gallery."""
        assert outcome.probabilities is not None
        return self.predictor.guesses(outcome.probabilities, top)

    def together(self, outcomes: Sequence[Outcome], top: int) -> Answer:
        """Return one answer for several photos of an object. Raises `UserError` without a gallery or a usable photo."""
        if self.recognizer is None:
            raise UserError("one answer for several photos needs a gallery")
        good = [each for each in outcomes if each.probabilities is not None and each.embedding is not None]
        if not good:
            raise UserError("no photo of the object can be used")
        probabilities = np.stack([each.probabilities for each in good if each.probabilities is not None])
        embeddings = np.stack([each.embedding for each in good if each.embedding is not None])
        return self.recognizer.together([_batch(probabilities, embeddings)], top)

    def refreshed(self) -> ServedModel:
        """Return the model with the gallery's newest version. Raises `UserError` if that version cannot be used."""
        if self.recognizer is None:
            return self
        newer = self.recognizer.refreshed()
        return self if newer.version == self.recognizer.version else replace(self, recognizer=newer)


def load_model(wanted: ModelSource, max_batch: int | None) -> ServedModel:
    """Load a model, run batches of one and of many images, and check the outputs.

    Raises:
        UserError: the model cannot be loaded or its outputs are invalid.
    """
    if wanted.gallery is None:
        found = ServedModel(load(wanted.run, wanted.tta, wanted.engine, wanted.batch, wanted.decode), None)
    else:
        made = recognizer(wanted.run, wanted.gallery, wanted.engine, wanted.batch, wanted.decode, LOG.warning)
        found = ServedModel(made.predictor, made)
    _warm_up(found, found.batch_size(max_batch))
    return found


def fingerprint_of(run: Path) -> tuple[Any, ...]:
    """Return a value that changes when the run or file is replaced. Links are followed."""
    if run.is_dir():
        folder = RunFolder(run)
        files = [folder.recipe, folder.classes, folder.weights, folder.calibration, *folder.exports()]
    else:
        files = [run]
    return tuple((str(file), *status_of(file)) for file in files)


def _warm_up(model: ServedModel, max_batch: int) -> None:
    side = model.predictor.recipe.data.resize_to
    rng = np.random.default_rng(0)
    squares = list(rng.integers(0, 256, (max_batch, side, side, 3), np.uint8))
    counts = sorted({1, max_batch, *(size for size in model.predictor.engine.sizes if size < max_batch)})
    for count, concurrent in itertools.product(counts, (False, True) if model.supports_concurrency else (False,)):
        outcomes = model.outcomes(squares[:count], 5, concurrent)
        for outcome in outcomes:
            assert outcome.probabilities is not None
            assert outcome.embedding is not None
            total = float(outcome.probabilities.sum())
            if not abs(total - 1) < ROUNDING or not np.isfinite(outcome.embedding).all():
                raise UserError(f"the outputs of {model.predictor.place} are not probabilities (they sum to {total:g})")


def _batch(probabilities: Floats, embeddings: Floats) -> Batch:
    count = len(probabilities)
    return Batch(tuple(map(str, range(count))), (None,) * count, probabilities, embeddings)
