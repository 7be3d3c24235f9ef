"""Predict with a trained run."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from PIL import Image

from shelfmind.arrays import Floats
from shelfmind.batching import batched
from shelfmind.errors import UserError
from shelfmind.evaluation.calibration import temperature_scaled
from shelfmind.images.decoding import BadImage, Pixels
from shelfmind.images.photo_files import stream_ahead
from shelfmind.images.squares import Square, Squares, fetched_order, square
from shelfmind.inference.batch_sizes import BatchSize, forward_of, with_batch_size
from shelfmind.inference.engines import AUTO, MINDSPORE, Engine
from shelfmind.inference.engines.choice import engine_of_file, engine_of_run
from shelfmind.inference.exported import read_exported
from shelfmind.inference.forward import Forward
from shelfmind.machine.ahead import map_ahead
from shelfmind.machine.cores import available_cores
from shelfmind.object_stores.objects import see_changes
from shelfmind.progress import Progress
from shelfmind.recipe import DataRecipe, Recipe
from shelfmind.records import BadFile, Predictions, Sample, as_probabilities
from shelfmind.runs.calibration import read_temperature
from shelfmind.runs.folder import RunFolder
from shelfmind.top_probabilities import best, gathered
from shelfmind.urls import shown_url

Source = Path | str | bytes | Image.Image | Pixels
"""An image: a path, encoded bytes, a Pillow image, or a NumPy array, see `images.decoding.Pixels`."""
PreparedImage = tuple[str, Square | str]
"""An image's name, and its square or the reason why it cannot be used."""
MAX_GROUP = 4096
EXACT, FAST = "exact", "fast"
"""How images are decoded: as for training, or large JPEGs at reduced size."""
T = TypeVar("T")


@dataclass(frozen=True)
class Guess:
    """One class that an image may show, and its probability."""

    class_name: str
    probability: float


@dataclass(frozen=True)
class Prediction:
    """The prediction for one image: guesses, best first, or the reason why it cannot be used."""

    source: str
    guesses: tuple[Guess, ...]
    error: str | None = None


@dataclass(frozen=True)
class Batch:
    """The outputs for consecutive images.

    `errors` has an entry per image, None for usable ones. `probabilities` (N, C) and `embeddings` (N, D) have a row per
    usable image.
    """

    names: tuple[str, ...]
    errors: tuple[str | None, ...]
    probabilities: Floats
    embeddings: Floats


@dataclass(frozen=True, eq=False)
class Predictor:
    """A trained network ready to predict. It is immutable; create it with `load`.

    Attributes:
        place: the run's folder, or the exported file.
        recipe: the recipe of preprocessing and prediction.
        class_names: class names by class id.
        train_images: number of training images by class id.
        checksum: checksum of the weights.
        tta: names of the test-time views.
        temperature: calibration temperature; 1 if there is none for these weights and views.
        forward: the network's forward pass, without the temperature.
        reduced: whether large JPEGs are decoded at reduced size, which is faster but not bit-identical.
    """

    place: Path
    recipe: Recipe
    class_names: tuple[str, ...]
    train_images: tuple[int, ...]
    checksum: str
    tta: tuple[str, ...]
    temperature: float
    forward: Forward
    reduced: bool = False

    @property
    def engine(self) -> Engine:
        """The engine that computes predictions."""
        return self.forward.engine

    def predict(self, images: Source | Iterable[Source], top: int = 5) -> list[Prediction]:
        """Return the `top` guesses for one or more images, in order.

        An image is a path, encoded bytes, a Pillow image, or a NumPy array of 8-bit pixels: uint8 of shape (height,
        width, 3) in RGB order (OpenCV reads BGR: give ``image[..., ::-1]``), (height, width, 4) with transparency or
        (height, width) in grey. Several images are a list, or an array of shape (N, height, width, channels). The
        prediction of an unusable image has the reason. Raises `UserError` for an array of another shape or type.
        """
        return list(self.stream(as_iterable(images), top))

    def stream(self, images: Iterable[Source], top: int = 5) -> Iterator[Prediction]:
        """Yield predictions for any number of images, in order and constant memory. Unusable images have the reason."""
        for batch in self.of_sources(images):
            rows = iter(batch.probabilities)
            for name, error in zip(batch.names, batch.errors, strict=True):
                guesses = self.guesses(next(rows), top) if error is None else ()
                yield Prediction(name, guesses, error)

    def of_sources(self, images: Iterable[Source]) -> Iterator[Batch]:
        """Yield the outputs for any number of images, in order and constant memory."""
        see_changes()
        numbered = stream_ahead(enumerate(images), _path_of)
        return self._batches(numbered, partial(_prepared, data=self.recipe.data, reduced=self.reduced))

    def of_squares(self, squares: Squares) -> Iterator[Batch]:
        """Yield the outputs for prepared squares, in order and constant memory. Their names are their indices."""
        order = fetched_order(squares, range(len(squares)))
        return self._batches(order, lambda number: (str(number), squares[number]))

    def ask(self, squares: Sequence[Square], concurrent: bool = False) -> tuple[Floats, Floats]:
        """Return calibrated probabilities (N, C) and embeddings (N, D) of at most one batch of squares.

        With `concurrent`, threads may call at the same time if the engine supports it. Each call then has at most
        `forward.share` squares and is computed on one core. All predictions use this method, so that all are calibrated
        alike.
        """
        parallel = self.forward.parallel if concurrent else None
        return self._ask(self.forward if parallel is None else parallel, squares)

    def logits(self, embeddings: Floats) -> Floats | None:
        """Return the logits (N, C) of embeddings (N, D), or None for a network without shelfmind's head."""
        return self.engine.logits(embeddings)

    def embed_squares(self, squares: Squares, progress: Progress | None = None) -> Floats:
        """Return the embeddings (N, D) of prepared squares."""
        found = [np.zeros((0, self.engine.width), np.float32)]
        for batch in self.of_squares(squares):
            found.append(batch.embeddings)
            if progress is not None:
                progress(len(batch.embeddings))
        return np.concatenate(found)

    def predict_squares(
        self,
        squares: Squares,
        samples: Sequence[Sample],
        bad_files: Sequence[BadFile] = (),
        progress: Progress | None = None,
    ) -> Predictions:
        """Return the predictions of the prepared squares of `samples`: with too many images and classes for memory,
        only the most probable classes of each image."""
        if len(samples) == 0:
            raise UserError("there is no usable image to predict")
        embeddings: list[Floats] = []
        began = time.perf_counter()

        def rows() -> Iterator[Floats]:
            for batch in self.of_squares(squares):
                embeddings.append(batch.embeddings)
                yield batch.probabilities
                if progress is not None:
                    progress(len(batch.probabilities))

        probabilities = as_probabilities(gathered(rows(), len(samples), len(self.class_names)))
        return Predictions(
            paths=tuple(str(sample.path) for sample in samples),
            labels=np.array([sample.label for sample in samples], np.int64),
            probabilities=probabilities,
            embeddings=np.concatenate(embeddings),
            class_names=self.class_names,
            bad_files=tuple(bad_files),
            seconds=time.perf_counter() - began,
        )

    def _batches(self, items: Iterable[T], prepare: Callable[[T], PreparedImage]) -> Iterator[Batch]:
        """Yield the outputs for items that `prepare` turns into images.

        If the engine supports it, one thread per core decodes and computes a few items at a time, so that no thread
        waits for another. A single share is computed on all cores. An engine without concurrent calls always uses all
        cores, while threads prepare images ahead of it.
        """
        remaining, cores = iter(items), available_cores()
        first = list(islice(remaining, self.forward.share + 1))
        parallel = self.forward.parallel if len(first) > self.forward.share else None
        items = chain(first, remaining)
        if parallel is None:
            prepared = map_ahead(prepare, items, ahead=2 * self.forward.batch_size, workers=cores)
            yield from (self._batch(self.forward, group) for group in _groups(prepared, self.forward.batch_size))
            return

        def prepare_and_predict(group: list[T]) -> Batch:
            return self._batch(parallel, [prepare(item) for item in group])

        yield from map_ahead(prepare_and_predict, batched(items, parallel.batch_size), ahead=2 * cores, workers=cores)

    def _batch(self, forward: Forward, group: Sequence[PreparedImage]) -> Batch:
        names, outcomes = zip(*group, strict=True)
        good = [outcome for outcome in outcomes if not isinstance(outcome, str)]
        errors = tuple(outcome if isinstance(outcome, str) else None for outcome in outcomes)
        nothing = np.zeros((0, len(self.class_names)), np.float32), np.zeros((0, 0), np.float32)
        return Batch(names, errors, *(self._ask(forward, good) if good else nothing))

    def _ask(self, forward: Forward, squares: Sequence[Square]) -> tuple[Floats, Floats]:
        probabilities, embeddings = forward.batch(squares, self.recipe.evaluation_size)
        return temperature_scaled(probabilities, self.temperature), embeddings

    def guesses(self, probabilities: npt.NDArray[np.float32], top: int) -> tuple[Guess, ...]:
        """Return the `top` most probable classes of a row of probabilities (C,), best first."""
        return tuple(Guess(self.class_names[each], float(probabilities[each])) for each in best(probabilities, top))


@dataclass(frozen=True, init=False, eq=False)
class RunPredictor(Predictor):
    """A run ready to predict.

    Attributes:
        run: the run's folder.
    """

    run: RunFolder = field(kw_only=True)

    def __init__(
        self,
        run: RunFolder,
        tta: Sequence[str] | None = None,
        calibrated: bool = True,
        recipe: Recipe | None = None,
        few: int | None = None,
        engine: str = MINDSPORE,
        batch: BatchSize = None,
        decode: str = EXACT,
    ) -> None:
        """`recipe` replaces the run's own, for the same network with other preprocessing (MindSpore only).
        `few` is a frequent batch size, for which a separate graph is compiled.
        `batch` and `decode` are those of `load`.

        Raises:
            UserError: there is no run, the engine is not installed, or the run was not exported for it.
        """
        own = run.read_recipe() if recipe is None else recipe
        class_names, train_images = run.read_classes()
        views = tuple(own.evaluation.tta if tta is None else tta)
        asked = own if not isinstance(batch, int) else with_batch_size(own, batch)
        chosen, digest = engine_of_run(engine, run, asked, len(class_names), few)
        vars(self).update(
            place=run.root,
            run=run,
            recipe=own,
            class_names=class_names,
            train_images=train_images,
            checksum=digest,
            tta=views,
            temperature=read_temperature(run, digest, views) if calibrated else 1.0,
            forward=forward_of(chosen, own, views, batch),
            reduced=decode == FAST,
        )


def as_iterable(images: Source | Iterable[Source]) -> Iterable[Source]:
    """Return one or more images, see `Predictor.predict`, as an iterable."""
    many_pixels = isinstance(images, np.ndarray) and images.ndim > 3
    one = isinstance(images, str | bytes | Path | Image.Image | np.ndarray) and not many_pixels
    return [images] if one else images  # type: ignore[list-item,return-value]


def load(
    run: Path | str,
    tta: Sequence[str] | None = None,
    engine: str = AUTO,
    batch: BatchSize = None,
    decode: str = EXACT,
) -> Predictor:
    """Load a run folder or an exported file for prediction.

    `tta` overrides the recipe's test-time views. `engine` is ``mindspore``, ``onnx``, ``openvino``, or ``auto``: the
    fastest installed engine that the run was exported for, or else MindSpore. `batch` is the number of images per call
    on one core (MindSpore: on all cores); ``auto`` is the fastest on this machine. With `decode` ``fast`` large JPEGs
    are decoded at reduced size, which is not bit-identical to ``exact``.
    """
    place = Path(run)
    if place.is_file():
        return file_predictor(place, tta, engine, batch=batch, decode=decode)
    return RunPredictor(RunFolder(place), tta, engine=engine, batch=batch, decode=decode)


def file_predictor(
    path: Path,
    tta: Sequence[str] | None = None,
    engine: str = AUTO,
    few: int | None = None,
    batch: BatchSize = None,
    decode: str = EXACT,
) -> Predictor:
    """Load an exported file for prediction. Raises `UserError` if the file cannot be used or has no engine."""
    exported = read_exported(path)
    recipe = exported.recipe
    views = tuple(recipe.evaluation.tta if tta is None else tta)
    return Predictor(
        path,
        recipe,
        exported.class_names,
        exported.train_images,
        str(exported.facts["weights"]),
        views,
        exported.temperature(views),
        forward_of(
            engine_of_file(engine, exported, few, batch if isinstance(batch, int) else None), recipe, views, batch
        ),
        decode == FAST,
    )


def _groups(images: Iterable[PreparedImage], size: int) -> Iterator[list[PreparedImage]]:
    """Yield groups with the usable images of a forward pass and a limited number of unusable ones."""
    group: list[PreparedImage] = []
    good = 0
    for name, outcome in images:
        group.append((name, outcome))
        good += not isinstance(outcome, str)
        if good == size or len(group) >= MAX_GROUP:
            yield group
            group, good = [], 0
    if group:
        yield group


def _path_of(numbered: tuple[int, Source]) -> Path | None:
    source = numbered[1]
    return Path(source) if isinstance(source, str | Path) else None


def _prepared(numbered: tuple[int, Source], data: DataRecipe, reduced: bool) -> PreparedImage:
    """Return a source's name, and its square or the reason why it cannot be used."""
    number, source = numbered
    name = shown_url(source) if isinstance(source, str | Path) else f"image {number}"
    try:
        return name, square(Path(source) if isinstance(source, str) else source, data, reduced)
    except BadImage as error:
        return name, error.reason
