"""What answers: a run or an exported file, perhaps with a gallery, loaded, warmed up and checked before it serves."""

from __future__ import annotations

import itertools
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

ROUNDING = 0.01
"""How far a sum of probabilities may be from 1."""
_GENERATIONS = itertools.count(1)


@dataclass(frozen=True)
class Outcome:
    """What is said of one image: why it cannot be used, or probabilities (C,), its embedding (D,), and with a gallery
    the answer, with as many candidates as may be asked for."""

    error: str | None = None
    probabilities: Floats | None = None
    embedding: Floats | None = None
    answer: Answer | None = None


@dataclass(frozen=True)
class Wanted:
    """Where a model comes from, and how it computes."""

    run: Path
    gallery: str | None = None
    engine: str = "auto"
    batch: BatchSize = None
    decode: str = "exact"
    tta: tuple[str, ...] | None = None


@dataclass(frozen=True, eq=False)
class ServedModel:
    """A model that does not change; another gallery version is another one with the same `generation`.

    Attributes:
        predictor: the network.
        recognizer: it with a gallery at one version; None without a gallery.
        generation: how many models this process has loaded, this one included.
        loaded_at: when (ISO 8601, UTC).
    """

    predictor: Predictor
    recognizer: Recognizer | None
    generation: int = field(default_factory=lambda: next(_GENERATIONS))
    loaded_at: str = field(default_factory=lambda: datetime.now(timezone.utc).isoformat(timespec="seconds"))

    @property
    def takes_several(self) -> bool:
        """Whether the engine answers several calls at once."""
        return self.predictor.forward.parallel is not None

    def batch_size(self, wanted: int | None) -> int:
        """Images that are computed at once where so many are wanted, or what suits the engine if None."""
        forward = self.predictor.forward
        if not self.takes_several:  # a graph has one size
            return min(wanted or forward.batch_size, forward.batch_size)
        return wanted or forward.share

    @property
    def gallery_version(self) -> int | None:
        """The version of the gallery that it answers with."""
        return None if self.recognizer is None else self.recognizer.version

    @property
    def precision(self) -> str | None:
        """Of an exported file."""
        engine = self.predictor.engine
        return engine.exported.precision if isinstance(engine, FileEngine) else None

    def square(self, source: bytes, most_pixels: int) -> Square:
        """An encoded image as the network's preparation has it. Raises `BadImage`."""
        predictor = self.predictor
        if has_too_many_scans(source):
            raise BadImage(DAMAGED)
        return square(source, predictor.recipe.data, predictor.reduced, most_pixels)

    def outcomes(self, squares: Sequence[Square], top: int, beside_others: bool = False) -> list[Outcome]:
        """What is said of squares, with `top` candidates; with `beside_others` other threads may ask meanwhile."""
        probabilities, embeddings = self.predictor.ask(squares, beside_others)
        outcomes = [
            Outcome(probabilities=row, embedding=vector) for row, vector in zip(probabilities, embeddings, strict=True)
        ]
        if self.recognizer is None:
            return outcomes
        answers = self.recognizer.answers(_batch(probabilities, embeddings), top)
        return [replace(outcome, answer=answer) for outcome, answer in zip(outcomes, answers, strict=True)]

    def guesses(self, outcome: Outcome, top: int) -> tuple[Guess, ...]:
        """The best classes, without a gallery."""
        assert outcome.probabilities is not None
        return self.predictor.guesses(outcome.probabilities, top)

    def together(self, outcomes: Sequence[Outcome], top: int) -> Answer:
        """One answer for several photos of one object. Raises `UserError` without a gallery, or a usable photo."""
        if self.recognizer is None:
            raise UserError("one answer for several photos needs a gallery")
        good = [each for each in outcomes if each.probabilities is not None and each.embedding is not None]
        if not good:
            raise UserError("no photo of the object can be used")
        probabilities = np.stack([each.probabilities for each in good if each.probabilities is not None])
        embeddings = np.stack([each.embedding for each in good if each.embedding is not None])
        return self.recognizer.together([_batch(probabilities, embeddings)], top)

    def refreshed(self) -> ServedModel:
        """With the gallery's newest version; itself if there is none newer. Raises `UserError` for one of no use."""
        if self.recognizer is None:
            return self
        newer = self.recognizer.refreshed()
        return self if newer.version == self.recognizer.version else replace(self, recognizer=newer)


def load_model(wanted: Wanted, max_batch: int | None) -> ServedModel:
    """Load a model, have it compute batches of one and of many, and check that these are answers.

    Raises:
        UserError: what cannot be loaded, or answers nonsense.
    """
    if wanted.gallery is None:
        found = ServedModel(load(wanted.run, wanted.tta, wanted.engine, wanted.batch, wanted.decode), None)
    else:
        made = recognizer(wanted.run, wanted.gallery, wanted.engine, wanted.batch, wanted.decode)
        found = ServedModel(made.predictor, made)
    _warm_up(found, found.batch_size(max_batch))
    return found


def fingerprint_of(run: Path) -> tuple[Any, ...]:
    """What changes when another run or file takes this place; links are followed."""
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
    for count, beside_others in itertools.product(counts, (False, True) if model.takes_several else (False,)):
        outcomes = model.outcomes(squares[:count], 5, beside_others)
        for outcome in outcomes:
            assert outcome.probabilities is not None
            assert outcome.embedding is not None
            total = float(outcome.probabilities.sum())
            if not abs(total - 1) < ROUNDING or not np.isfinite(outcome.embedding).all():
                raise UserError(f"{model.predictor.place} answers no probabilities (they sum to {total:g})")


def _batch(probabilities: Floats, embeddings: Floats) -> Batch:
    count = len(probabilities)
    return Batch(tuple(map(str, range(count))), (None,) * count, probabilities, embeddings)
