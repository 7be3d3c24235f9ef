"""A trained run as a function of images."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from shelfmind.arrays import Floats
from shelfmind.errors import UserError
from shelfmind.evaluation.calibration import temperature_scaled
from shelfmind.images.decoding import BadImage, Pixels
from shelfmind.images.squares import Square, Squares, in_order, square
from shelfmind.inference.engines import AUTO, MINDSPORE, Engine
from shelfmind.inference.engines.choice import engine_of_file, engine_of_run
from shelfmind.inference.exported import read_exported
from shelfmind.inference.forward import Forward
from shelfmind.machine.ahead import map_ahead, next_ahead
from shelfmind.progress import Progress
from shelfmind.recipe import Recipe
from shelfmind.records import BadFile, Predictions, Sample
from shelfmind.runs.calibration import read_temperature
from shelfmind.runs.folder import RunFolder

Source = Path | str | bytes | Image.Image | Pixels
"""An image: a file's path, its encoded bytes, a Pillow image, or a NumPy array, see `images.decoding.Pixels`."""
PreparedImage = tuple[str, Square | str]
"""An image's name, and its square or the reason why it has none."""
MOST_IN_A_GROUP = 4096


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
    """

    place: Path
    recipe: Recipe
    class_names: tuple[str, ...]
    train_images: tuple[int, ...]
    checksum: str
    tta: tuple[str, ...]
    temperature: float
    forward: Forward

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
                guesses = self._guesses(next(rows), top) if error is None else ()
                yield Prediction(name, guesses, error)

    def of_sources(self, images: Iterable[Source]) -> Iterator[Batch]:
        """What the run says of any number of images, in their order, in constant memory."""
        return self._batches(_groups(_prepared(images, self.recipe), self.forward.batch_size))

    def of_squares(self, squares: Squares) -> Iterator[Batch]:
        """What the run says of prepared squares, in their order, in constant memory; their names are their numbers."""
        numbered = ((str(number), image) for number, image in enumerate(in_order(squares)))
        return self._batches(next_ahead(_groups(numbered, self.forward.batch_size)))

    def ask(self, squares: Sequence[Square]) -> tuple[Floats, Floats]:
        """Calibrated probabilities (N, C) and embeddings (N, D) of at most a batch of squares.

        Every prediction comes from here, so that all are calibrated alike.
        """
        probabilities, embeddings = self.forward.batch(squares, self.recipe.evaluation_size)
        return temperature_scaled(probabilities, self.temperature), embeddings

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

    def _batches(self, groups: Iterable[list[PreparedImage]]) -> Iterator[Batch]:
        nothing = np.zeros((0, len(self.class_names)), np.float32), np.zeros((0, 0), np.float32)
        for group in groups:
            names, outcomes = zip(*group, strict=True)
            good = [outcome for outcome in outcomes if not isinstance(outcome, str)]
            errors = tuple(outcome if isinstance(outcome, str) else None for outcome in outcomes)
            yield Batch(names, errors, *(self.ask(good) if good else nothing))

    def _guesses(self, probabilities: npt.NDArray[np.float32], top: int) -> tuple[Guess, ...]:
        order = np.argsort(-probabilities, kind="stable")[:top]
        return tuple(Guess(self.class_names[index], float(probabilities[index])) for index in order)


@dataclass(frozen=True, init=False, eq=False)
class RunPredictor(Predictor):
    """A run ready to predict.

    Attributes:
        run: its folder.
    """

    run: RunFolder

    def __init__(
        self,
        run: RunFolder,
        tta: Sequence[str] | None = None,
        calibrated: bool = True,
        recipe: Recipe | None = None,
        few: int | None = None,
        engine: str = MINDSPORE,
    ) -> None:
        """`recipe` instead of the run's own: of the same network, but images prepared in another way; MindSpore only.
        Up to `few` images are predicted quicker than a whole batch, after the time of a second compilation.

        Raises:
            UserError: no run, or an engine that is not installed or that the run was not exported for.
        """
        own = run.read_recipe() if recipe is None else recipe
        class_names, train_images = run.read_classes()
        views = tuple(own.evaluation.tta if tta is None else tta)
        chosen, digest = engine_of_run(engine, run, own, len(class_names), few)
        vars(self).update(
            place=run.root,
            run=run,
            recipe=own,
            class_names=class_names,
            train_images=train_images,
            checksum=digest,
            tta=views,
            temperature=read_temperature(run, digest, views) if calibrated else 1.0,
            forward=Forward(chosen, own.evaluation.batch_size, views),
        )


def as_many(images: Source | Iterable[Source]) -> Iterable[Source]:
    """One image or many, see `Predictor.predict`, as many."""
    many_pixels = isinstance(images, np.ndarray) and images.ndim > 3
    one = isinstance(images, str | bytes | Path | Image.Image | np.ndarray) and not many_pixels
    return [images] if one else images  # type: ignore[list-item,return-value]


def load(run: Path | str, tta: Sequence[str] | None = None, engine: str = AUTO) -> Predictor:
    """The run in this folder, or an exported file, ready to predict.

    `tta` overrides the recipe's test-time views; `engine` is ``mindspore``, ``onnx``, ``openvino``, or ``auto``: the
    fastest of those that are installed and that the run was exported for, else MindSpore.
    """
    place = Path(run)
    return file_predictor(place, tta, engine) if place.is_file() else RunPredictor(RunFolder(place), tta, engine=engine)


def file_predictor(
    path: Path, tta: Sequence[str] | None = None, engine: str = AUTO, few: int | None = None
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
        Forward(engine_of_file(engine, exported, few), recipe.evaluation.batch_size, views),
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


def _prepared(images: Iterable[Source], recipe: Recipe) -> Iterator[PreparedImage]:
    """Each source's name with its square or the reason it has none, decoded by threads, in order."""

    def prepare(numbered: tuple[int, Source]) -> PreparedImage:
        number, source = numbered
        name = str(source) if isinstance(source, str | Path) else f"image {number}"
        return name, _prepare(source, recipe)

    return map_ahead(prepare, enumerate(images), ahead=128)


def _prepare(source: Source, recipe: Recipe) -> Square | str:
    try:
        return square(Path(source) if isinstance(source, str) else source, recipe.data)
    except BadImage as error:
        return error.reason
