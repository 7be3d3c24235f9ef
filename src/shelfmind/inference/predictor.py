"""A trained run as a function of images."""

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
from shelfmind.images.squares import Square, Squares, square
from shelfmind.inference.batch_sizes import BatchSize, forward_of, with_batch_size
from shelfmind.inference.engines import AUTO, MINDSPORE, Engine
from shelfmind.inference.engines.choice import engine_of_file, engine_of_run
from shelfmind.inference.exported import read_exported
from shelfmind.inference.forward import Forward
from shelfmind.machine.ahead import map_ahead
from shelfmind.machine.cores import available_cores
from shelfmind.progress import Progress
from shelfmind.recipe import DataRecipe, Recipe
from shelfmind.records import BadFile, Predictions, Sample
from shelfmind.runs.calibration import read_temperature
from shelfmind.runs.folder import RunFolder

Source = Path | str | bytes | Image.Image | Pixels
"""An image: a file's path, its encoded bytes, a Pillow image, or a NumPy array, see `images.decoding.Pixels`."""
PreparedImage = tuple[str, Square | str]
"""An image's name, and its square or the reason why it has none."""
MOST_IN_A_GROUP = 4096
EXACT, FAST = "exact", "fast"
"""How images are decoded: as for training, or large JPEGs smaller."""
T = TypeVar("T")


@dataclass(frozen=True)
class Guess:
    """One class that an image may show, and its probability."""

    class_name: str
    probability: float


@dataclass(frozen=True)
class Prediction:
    """What the run says of one image: guesses, best first, or the reason why it cannot be used."""

    source: str
    guesses: tuple[Guess, ...]
    error: str | None = None


@dataclass(frozen=True)
class Batch:
    """What a run says of consecutive images.

    `errors` has an entry an image, None for those that were good; `probabilities` (N, C) and `embeddings` (N, D) have
    a row for each of the good ones.
    """

    names: tuple[str, ...]
    errors: tuple[str | None, ...]
    probabilities: Floats
    embeddings: Floats


@dataclass(frozen=True, eq=False)
class Predictor:
    """A trained network ready to predict; it does not change. Make one with `load`.

    Attributes:
        place: the run's folder, or the exported file.
        recipe: how images are prepared and predicted.
        class_names: by class id.
        train_images: how many it was trained on, by class id.
        checksum: of the weights.
        tta: names of the test-time views.
        temperature: what its probabilities are calibrated with; 1 if nothing fits these weights and views.
        forward: the network's forward pass, without the temperature.
        reduced: whether large JPEGs are decoded smaller, which is quick and not the same to the bit.
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
        """What computes the answers."""
        return self.forward.engine

    def predict(self, images: Source | Iterable[Source], top: int = 5) -> list[Prediction]:
        """The `top` guesses for one image or many, in their order.

        An image is a path, encoded bytes, a Pillow image, or a NumPy array of 8-bit pixels: uint8 of shape (height,
        width, 3) in RGB order (OpenCV reads BGR: give ``image[..., ::-1]``), (height, width, 4) with transparency or
        (height, width) in grey. A list of images, or an array of shape (N, height, width, channels), is many. An image
        that cannot be used carries its reason. Raises `UserError` for an array of another shape or type.
        """
        return list(self.stream(as_many(images), top))

    def stream(self, images: Iterable[Source], top: int = 5) -> Iterator[Prediction]:
        """Guesses for any number of images, in their order, in constant memory; a bad one carries its reason."""
        for batch in self.of_sources(images):
            rows = iter(batch.probabilities)
            for name, error in zip(batch.names, batch.errors, strict=True):
                guesses = self.guesses(next(rows), top) if error is None else ()
                yield Prediction(name, guesses, error)

    def of_sources(self, images: Iterable[Source]) -> Iterator[Batch]:
        """What the run says of any number of images, in their order, in constant memory."""
        return self._answered(enumerate(images), partial(_prepared, data=self.recipe.data, reduced=self.reduced))

    def of_squares(self, squares: Squares) -> Iterator[Batch]:
        """What the run says of prepared squares, in their order, in constant memory; their names are their numbers."""
        return self._answered(range(len(squares)), lambda number: (str(number), squares[number]))

    def ask(self, squares: Sequence[Square], beside_others: bool = False) -> tuple[Floats, Floats]:
        """Calibrated probabilities (N, C) and embeddings (N, D) of at most a batch of squares.

        With `beside_others` threads may ask at once where the engine lets them, each for at most a share, which is
        computed on one core. Every prediction comes from here, so that all are calibrated alike.
        """
        parallel = self.forward.parallel if beside_others else None
        return self._ask(self.forward if parallel is None else parallel, squares)

    def logits(self, embeddings: Floats) -> Floats | None:
        """What the classifier makes of embeddings (N, D): (N, C); None for a network without a head of ours."""
        return self.engine.logits(embeddings)

    def predict_squares(
        self,
        squares: Squares,
        samples: Sequence[Sample],
        bad_files: Sequence[BadFile] = (),
        progress: Progress | None = None,
    ) -> Predictions:
        """Predictions of prepared squares that belong to `samples`."""
        if len(samples) == 0:
            raise UserError("there is no usable image to predict")
        batches = []
        began = time.perf_counter()
        for batch in self.of_squares(squares):
            batches.append(batch)
            if progress is not None:
                progress(len(batch.probabilities))
        return Predictions(
            paths=tuple(str(sample.path) for sample in samples),
            labels=np.array([sample.label for sample in samples], np.int64),
            probabilities=np.concatenate([batch.probabilities for batch in batches]),
            embeddings=np.concatenate([batch.embeddings for batch in batches]),
            class_names=self.class_names,
            bad_files=tuple(bad_files),
            seconds=time.perf_counter() - began,
        )

    def _answered(self, items: Iterable[T], prepare: Callable[[T], PreparedImage]) -> Iterator[Batch]:
        """What is said of items, which `prepare` makes images of.

        Where the engine lets it, a thread a core takes a few at a time all the way, so that some decode while others
        compute and no thread waits for another. A single share is computed on all cores, and so is everything by an
        engine that takes one call at a time; threads prepare images ahead of it.
        """
        remaining, cores = iter(items), available_cores()
        first = list(islice(remaining, self.forward.share + 1))
        parallel = self.forward.parallel if len(first) > self.forward.share else None
        items = chain(first, remaining)
        if parallel is None:
            prepared = map_ahead(prepare, items, ahead=2 * self.forward.batch_size, workers=cores)
            yield from (self._batch(self.forward, group) for group in _groups(prepared, self.forward.batch_size))
            return

        def whole_way(group: list[T]) -> Batch:
            return self._batch(parallel, [prepare(item) for item in group])

        yield from map_ahead(whole_way, batched(items, parallel.batch_size), ahead=2 * cores, workers=cores)

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
        """The `top` most probable classes of a row of probabilities (C,), best first."""
        order = np.argsort(-probabilities, kind="stable")[:top]
        return tuple(Guess(self.class_names[index], float(probabilities[index])) for index in order)


@dataclass(frozen=True, init=False, eq=False)
class RunPredictor(Predictor):
    """A run ready to predict.

    Attributes:
        run: its folder.
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
        """`recipe` instead of the run's own: of the same network, but images prepared in another way; MindSpore only.
        `few` images are asked for so often that they are worth a graph of their own.
        `batch` and `decode` are those of `load`.

        Raises:
            UserError: no run, or an engine that is not installed or that the run was not exported for.
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


def as_many(images: Source | Iterable[Source]) -> Iterable[Source]:
    """One image or many, see `Predictor.predict`, as many."""
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
    """The run in this folder, or an exported file, ready to predict.

    `tta` overrides the recipe's test-time views; `engine` is ``mindspore``, ``onnx``, ``openvino``, or ``auto``: the
    fastest of those that are installed and that the run was exported for, else MindSpore. `batch` images are computed
    at once on a core (MindSpore: on all), ``auto`` is the number that is fastest here. With `decode` ``fast`` large
    JPEGs are decoded smaller, which is not the same to the bit as ``exact``.
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
    """An exported file, ready to predict. Raises `UserError` for a file that cannot be used, or no engine for it."""
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
    """Groups that hold as many good images as a forward pass takes, and not endlessly many bad ones."""
    group: list[PreparedImage] = []
    good = 0
    for name, outcome in images:
        group.append((name, outcome))
        good += not isinstance(outcome, str)
        if good == size or len(group) >= MOST_IN_A_GROUP:
            yield group
            group, good = [], 0
    if group:
        yield group


def _prepared(numbered: tuple[int, Source], data: DataRecipe, reduced: bool) -> PreparedImage:
    """A source's name with its square or the reason it has none."""
    number, source = numbered
    name = str(source) if isinstance(source, str | Path) else f"image {number}"
    try:
        return name, square(Path(source) if isinstance(source, str) else source, data, reduced)
    except BadImage as error:
        return name, error.reason
