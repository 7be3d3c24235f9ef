"""Teachers: trained networks whose predictions on the training images are distilled."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from shelfmind.arrays import Floats, Ints
from shelfmind.data import absolute
from shelfmind.errors import UserError, argument, call
from shelfmind.evaluation.calibration import temperature_scaled
from shelfmind.images.loader import TrainingBatches
from shelfmind.images.preparation import Normalisation
from shelfmind.images.rescaling import rescaled
from shelfmind.images.squares import Squares
from shelfmind.inference.engines import AUTO, MINDSPORE
from shelfmind.inference.engines.of_file import FileEngine
from shelfmind.inference.predictor import Predictor, RunPredictor, file_predictor
from shelfmind.machine.checksums import file_sha256
from shelfmind.nouns import counted
from shelfmind.recipe import Recipe
from shelfmind.requests.shared import require_run_or_file
from shelfmind.runs.folder import RunFolder, read_json
from shelfmind.runs.history import run_of


@dataclass(frozen=True)
class Teacher:
    """A trained network, with the mapping from the student's classes to its own.

    Attributes:
        predictor: the network, without calibration and test-time augmentation.
        columns: for each class of the student, its index among the teacher's classes, shape (C,).
        file: the weights, or the exported file, that is used.
    """

    predictor: Predictor
    columns: Ints
    file: Path

    @property
    def engine(self) -> str:
        """The inference engine, by its name in `inference.engines.choice`."""
        return self.predictor.engine.name.partition(" ")[0]

    def answers(self, images: npt.NDArray[np.uint8], temperature: float) -> Floats:
        """Probabilities (N, C) of squares (N, S, S, 3), with logits divided by `temperature`, restricted to the
        student's classes. The squares are resized to the network's evaluation size."""
        size, at_once = self.predictor.recipe.evaluation_size, self.predictor.forward.batch_size
        sized = images if images.shape[1] == size else np.stack([rescaled(image, size) for image in images])
        parts = [self.predictor.engine(sized[start : start + at_once])[0] for start in range(0, len(sized), at_once)]
        of_all = temperature_scaled(np.concatenate(parts), temperature)[:, self.columns]
        return np.asarray(of_all / np.maximum(of_all.sum(axis=1, keepdims=True), np.finfo(np.float32).tiny))

    def describe(self) -> dict[str, Any]:
        """The record in `provenance.json`, by which a resumed training identifies the teacher."""
        place = self.predictor.place
        run = run_of(self.file)
        origin = {} if run is None else {"provenance": read_json(run.provenance)}
        facts = {"path": str(place), "sha256": file_sha256(self.file), "weights": self.predictor.checksum}
        return {"origin": "exported" if run is None else "run", **facts, "engine": self.engine, **origin}


class DistillationBatches(TrainingBatches):
    """Training images with two targets each, (B, 2, classes): the label targets, and the mean of the teachers'
    predictions.

    The teachers see each image exactly as the network does, augmented and mixed (Beyer et al., "Knowledge distillation:
    A good teacher is patient and consistent", CVPR 2022).
    """

    def __init__(
        self,
        squares: Squares,
        labels: npt.NDArray[np.int64],
        classes: int,
        recipe: Recipe,
        seed: int,
        teachers: Sequence[Teacher],
    ) -> None:
        super().__init__(squares, labels, classes, recipe, seed)
        self.teachers = teachers
        self.normalisation = Normalisation(recipe.data)

    def segment(self, epoch: int, start: int, stop: int, image_size: int, mix: bool) -> Iterator[tuple[Floats, Floats]]:
        for images, targets in super().segment(epoch, start, stop, image_size, mix):
            yield images, self._with_teacher_targets(images, targets)

    def example(self, image_size: int) -> tuple[Floats, Floats]:
        images, targets = super().example(image_size)
        return images, self._with_teacher_targets(images, targets)

    def _with_teacher_targets(self, images: Floats, targets: Floats) -> Floats:
        seen, temperature = self.normalisation.inverse(images), self.recipe.distillation.temperature
        answers = [teacher.answers(seen, temperature) for teacher in self.teachers]
        return np.stack([targets, np.mean(answers, axis=0, dtype=np.float32)], axis=1)


def with_absolute_teachers(recipe: Recipe) -> Recipe:
    """The recipe with absolute paths of teachers."""
    places = tuple(str(absolute(Path(each))) for each in recipe.distillation.teachers)
    return recipe.model_copy(update={"distillation": recipe.distillation.model_copy(update={"teachers": places})})


def open_teachers(recipe: Recipe, class_names: Sequence[str], rules: str | None = None) -> list[Teacher]:
    """Open the teachers of a recipe for training on these classes, with the fastest engine (MindSpore under rules).

    Raises:
        UserError: a teacher that is given twice, is neither a run nor a file, learnt no labels, or lacks classes.
    """
    places = [Path(each) for each in recipe.distillation.teachers]
    for place in places:
        if places.count(place) > 1:
            raise UserError(f"{argument('teacher')} {place} is given twice")
    engine = AUTO if rules is None else MINDSPORE
    return [_opened(place, engine, recipe, class_names) for place in places]


def reopen_teachers(recipe: Recipe, class_names: Sequence[str], run: RunFolder) -> list[Teacher]:
    """The teachers that a run was started with, each with the same file and engine.

    Raises:
        UserError: a teacher that is missing or has changed.
    """
    described = read_json(run.provenance).get("teachers", []) if recipe.distillation.teachers else []
    return [_reopen(each, recipe, class_names, run) for each in described]


def refuse_teachers(recipe: Recipe, why: str) -> None:
    """Raise `UserError` if a recipe has teachers and these would invalidate the result."""
    if recipe.distillation.teachers:
        raise UserError(f"the recipe has the teacher {recipe.distillation.teachers[0]}, but {why}; remove the teachers")


def _reopen(described: Mapping[str, Any], recipe: Recipe, class_names: Sequence[str], run: RunFolder) -> Teacher:
    place = Path(described["path"])
    if not place.exists():
        raise UserError(f"{run.root} learns from {place}, which no longer exists: restore it, or a link to it")
    teacher = _opened(place, described["engine"], recipe, class_names)
    if file_sha256(teacher.file) != described["sha256"]:
        raise UserError(
            f"{run.root} learns from {place}, where {teacher.file.name} has changed since it started: restore the "
            f"original, or start a new run: {call('train', data='DATA', teacher=str(place), out='RUN')}"
        )
    return teacher


def _opened(place: Path, engine: str, recipe: Recipe, class_names: Sequence[str]) -> Teacher:
    require_run_or_file(place)
    few = recipe.train.batch_size
    if place.is_file():
        predictor = file_predictor(place, (), engine, few)
    else:
        predictor = RunPredictor(RunFolder(place), (), calibrated=False, few=few, engine=engine)
    if predictor.recipe.train.task != "classify":
        raise UserError(f"{place} learnt no labels (task {predictor.recipe.train.task}), so it cannot teach any")
    columns = {name: column for column, name in enumerate(predictor.class_names)}
    missing = [name for name in class_names if name not in columns]
    if missing:
        raise UserError(
            f"{place} knows {len(class_names) - len(missing)} of the {counted(len(class_names), 'class')} to learn, "
            f"but not {missing[0]}; a teacher must know all classes, by the same names"
        )
    teacher = Teacher(predictor, np.array([columns[name] for name in class_names], np.int64), place)
    if place.is_file():
        return teacher
    asked = predictor.engine
    return replace(teacher, file=asked.exported.path if isinstance(asked, FileEngine) else RunFolder(place).weights)
