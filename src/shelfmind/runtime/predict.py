"""A trained run as a function of images."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from shelfmind.data.images import BadImage
from shelfmind.errors import UserError
from shelfmind.evaluation.calibration import tempered
from shelfmind.models import create_model
from shelfmind.models.checkpoint import checksum, fill_parameters, load_checkpoint
from shelfmind.progress import Progress
from shelfmind.recipe import Recipe
from shelfmind.records import BadFile, Predictions, Sample
from shelfmind.runtime.ahead import map_ahead
from shelfmind.runtime.calibrate import read_temperature
from shelfmind.runtime.forward import Forward
from shelfmind.runtime.pixels import Square, Squares, in_order, square
from shelfmind.runtime.run_folder import RunFolder

Source = Path | str | bytes | Image.Image


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


def model_kind(recipe: Recipe, classes: int) -> str:
    """What a checkpoint of this recipe belongs to."""
    arguments = ", ".join(f"{key}={value}" for key, value in sorted(recipe.model.arguments.items()))
    return f"{recipe.model.name}({arguments}) with {classes} classes"


class Predictor:
    """A run ready to predict. Make one with `load`."""

    def __init__(self, run: RunFolder, tta: Sequence[str] | None = None, calibrated: bool = True) -> None:
        self.run = run
        self.recipe = run.read_recipe()
        self.class_names, self.train_images = run.read_classes()
        kind = model_kind(self.recipe, len(self.class_names))
        checkpoint = load_checkpoint(run.weights, kind)
        model = create_model(self.recipe.model.name, len(self.class_names), **self.recipe.model.arguments)
        fill_parameters({p.name: p for p in model.get_parameters()}, checkpoint.arrays, run.weights)
        self.checksum = checksum(checkpoint.arrays, checkpoint.kind, checkpoint.note)
        self.tta = tuple(self.recipe.evaluation.tta if tta is None else tta)
        self.model = model
        self.forward = Forward(model, self.recipe, self.tta)
        self.temperature = read_temperature(run, self.checksum, self.tta) if calibrated else 1.0

    def predict(self, images: Source | Iterable[Source], top: int = 5) -> list[Prediction]:
        """Guesses for one image or many: paths, encoded bytes or Pillow images."""
        one = isinstance(images, str | bytes | Path | Image.Image)
        return list(self.stream([images] if one else images, top))  # type: ignore[list-item,arg-type]

    def stream(self, images: Iterable[Source], top: int = 5) -> Iterator[Prediction]:
        """Guesses for any number of images, in their order, in constant memory; a bad one carries its reason."""
        for sources, good, probabilities, _ in self.stream_arrays(images):
            rows = iter(probabilities)
            for source, error in zip(sources, good, strict=True):
                guesses = self._guesses(next(rows), top) if error is None else ()
                yield Prediction(source, guesses, error)

    def stream_arrays(
        self, images: Iterable[Source]
    ) -> Iterator[tuple[list[str], list[str | None], npt.NDArray[np.float32], npt.NDArray[np.float32]]]:
        """Groups of (names, errors, probabilities of the good ones, their embeddings), in order."""
        names: list[str] = []
        errors: list[str | None] = []
        squares: list[Square] = []
        for name, prepared in _prepared(images, self.recipe):
            names.append(name)
            errors.append(prepared if isinstance(prepared, str) else None)
            if not isinstance(prepared, str):
                squares.append(prepared)
            if len(squares) == self.forward.batch_size or len(names) >= 4096:
                yield names, errors, *self._pass(squares)
                names, errors, squares = [], [], []
        if names:
            yield names, errors, *self._pass(squares)

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
        outputs = []
        began = time.perf_counter()
        for probabilities, embeddings in self.forward.batches(in_order(squares), self.recipe.evaluation_size):
            outputs.append((tempered(probabilities, self.temperature), embeddings))
            if progress is not None:
                progress(len(probabilities))
        return Predictions(
            paths=tuple(str(sample.path) for sample in samples),
            labels=np.array([sample.label for sample in samples], np.int64),
            probabilities=np.concatenate([probabilities for probabilities, _ in outputs]),
            embeddings=np.concatenate([embeddings for _, embeddings in outputs]),
            class_names=self.class_names,
            bad_files=tuple(bad_files),
            seconds=time.perf_counter() - began,
        )

    def _pass(self, squares: list[Square]) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        if squares:
            probabilities, embeddings = self.forward.batch(squares, self.recipe.evaluation_size)
            return tempered(probabilities, self.temperature), embeddings
        return np.zeros((0, len(self.class_names)), np.float32), np.zeros((0, 0), np.float32)

    def _guesses(self, probabilities: npt.NDArray[np.float32], top: int) -> tuple[Guess, ...]:
        order = np.argsort(-probabilities, kind="stable")[:top]
        return tuple(Guess(self.class_names[index], float(probabilities[index])) for index in order)


def load(run: Path | str, tta: Sequence[str] | None = None) -> Predictor:
    """The run in this folder, ready to predict; `tta` overrides the recipe's test-time views."""
    return Predictor(RunFolder(Path(run)), tta)


def _prepared(images: Iterable[Source], recipe: Recipe) -> Iterator[tuple[str, Square | str]]:
    """Each source's name with its square or the reason it has none, decoded by threads, in order."""

    def prepare(numbered: tuple[int, Source]) -> tuple[str, Square | str]:
        number, source = numbered
        name = str(source) if isinstance(source, str | Path) else f"image {number}"
        return name, _prepare(source, recipe)

    return map_ahead(prepare, enumerate(images), ahead=128)


def _prepare(source: Source, recipe: Recipe) -> Square | str:
    try:
        return square(Path(source) if isinstance(source, str) else source, recipe.data)
    except BadImage as error:
        return error.reason
