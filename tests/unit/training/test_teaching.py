"""What a teacher is shown, and how its answers become those that are learnt."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shelfmind.errors import UserError
from shelfmind.images.preparation import Normalisation
from shelfmind.recipe import DataRecipe, parse_recipe

SIZE = 16


class Engine:
    """Answers by an image's mean colour, and remembers what it was shown."""

    name = "mindspore"
    width = 3

    def __init__(self) -> None:
        self.shown: list[np.ndarray] = []

    def __call__(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        self.shown.append(images)
        colours = images.reshape(len(images), -1, 3).mean(1).astype(np.float32)
        powers = np.exp(colours / 50)
        return powers / powers.sum(1, keepdims=True), colours


def teacher_of(engine: Engine, columns: list[int], size: int = SIZE, at_once: int = 64) -> Any:
    from shelfmind.inference.forward import Forward
    from shelfmind.inference.predictor import Predictor
    from shelfmind.training.teaching import Teacher

    recipe = parse_recipe({"data": {"image_size": size}, "evaluation": {"batch_size": at_once}}, "teacher")
    names = ("red", "green", "blue")
    predictor = Predictor(Path("run"), recipe, names, (1, 1, 1), "0", (), 1.0, Forward(engine, at_once))
    return Teacher(predictor, np.array(columns), Path("run/weights.ckpt"))


def squares(count: int, size: int = SIZE) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, size, size, 3), np.uint8)


def test_an_image_is_shown_as_it_was_before_it_was_prepared() -> None:
    images = squares(4)
    normalisation = Normalisation(DataRecipe(mean=(0.3, 0.5, 0.6), std=(0.2, 0.3, 0.25)))
    np.testing.assert_array_equal(normalisation.inverse(normalisation(images)), images)
    beyond = np.array([-9.0, 9.0], np.float32).repeat(3 * SIZE * SIZE).reshape(2, 3, SIZE, SIZE)
    assert [np.unique(image).tolist() for image in normalisation.inverse(beyond)] == [[0], [255]]


@pytest.mark.parametrize("temperature", [1.0, 3.0])
def test_classes_are_taken_by_name_in_the_order_of_the_training(temperature: float, mindspore: Any) -> None:
    engine, images = Engine(), squares(5)
    found = teacher_of(engine, [2, 0], at_once=2).answers(images, temperature)
    colours = images.reshape(5, -1, 3).mean(1)[:, [2, 0]] / 50 / temperature  # the teacher's third class is left out
    expected = np.exp(colours) / np.exp(colours).sum(1, keepdims=True)
    np.testing.assert_allclose(found, expected, rtol=1e-4)
    assert [len(shown) for shown in engine.shown] == [2, 2, 1]


def test_a_teacher_looks_at_its_own_size(mindspore: Any) -> None:
    engine = Engine()
    teacher_of(engine, [0, 1, 2], size=24).answers(squares(2), 1.0)
    assert engine.shown[0].shape == (2, 24, 24, 3)


def test_teachers_see_the_mixed_view_once_and_their_mean_is_learnt(mindspore: Any) -> None:
    from shelfmind.training.teaching import DistillationBatches

    recipe = parse_recipe(
        {
            "data": {"image_size": SIZE, "resize_to": SIZE},
            "mixing": {"mixup": 1.0, "mixup_alpha": 5},
            "augment": ["horizontal_flip"],
            "train": {"batch_size": 4, "workers": 1},
            "distillation": {"teachers": ["one", "other"], "temperature": 2},
        },
        "student",
    )
    engines = Engine(), Engine()
    teachers = [teacher_of(engines[0], [0, 1, 2]), teacher_of(engines[1], [2, 1, 0])]
    images = squares(8)
    labels = np.arange(8) % 3
    batches = DistillationBatches(list(images), labels, 3, recipe, 0, teachers)
    plain = super(DistillationBatches, batches).segment(0, 0, 2, SIZE, True)
    pairs = list(zip(batches.segment(0, 0, 2, SIZE, True), plain, strict=True))
    assert [len(engine.shown) for engine in engines] == [2, 2]
    for number, ((has_teachers, targets), (view, mixed)) in enumerate(pairs):
        np.testing.assert_array_equal(has_teachers, view)
        np.testing.assert_array_equal(targets[:, 0], mixed)
        assert (mixed.max(1) < 1).any()
        shown = engines[0].shown[number]
        assert np.abs(Normalisation(recipe.data)(shown) - view).max() <= 0.51 / 255 / min(recipe.data.std)
        mean = (teachers[0].answers(shown, 2.0) + teachers[1].answers(shown, 2.0)) / 2
        np.testing.assert_allclose(targets[:, 1], mean, rtol=1e-5)


def test_contradictions_are_refused(mindspore: Any) -> None:
    from shelfmind.training.build import refuse_contradictions
    from shelfmind.training.teaching import open_teachers

    with pytest.raises(UserError, match="section distillation needs a teacher"):
        refuse_contradictions(parse_recipe({"distillation": {"weight": 0.5}}, "own"))
    unlabelled = {"train": {"task": "simsiam"}, "distillation": {"teachers": ["runs/a"]}}
    with pytest.raises(UserError, match="simsiam learns no classes"):
        refuse_contradictions(parse_recipe(unlabelled, "own"))
    twice = parse_recipe({"distillation": {"teachers": ["runs/a", "runs/a"]}}, "own")
    with pytest.raises(UserError, match="runs/a is given twice"):
        open_teachers(twice, ("a", "b"))
