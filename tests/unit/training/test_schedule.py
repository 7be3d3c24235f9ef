"""Rate, stage, averaging and validation size as the training goes from 0 to 1."""

from __future__ import annotations

import math

import pytest

from shelfmind.recipe import DataRecipe, Recipe, Stage, TrainRecipe
from shelfmind.training.schedule import SCHEDULES, averaging_decay, learning_rate, stage_at, validation_size

TRAIN = TrainRecipe(lr=0.4, warmup=0.2, final_lr=0.01)
STAGED = Recipe(
    data=DataRecipe(image_size=128, evaluation_size=160),
    train=TrainRecipe(
        stages=(Stage(image_size=64, share=0.3), Stage(image_size=96, share=0.3), Stage(image_size=128, share=0.4))
    ),
)


def test_the_rate_rises_to_its_height_and_falls_along_half_a_cosine() -> None:
    assert learning_rate(TRAIN, 0) == 0
    assert learning_rate(TRAIN, 0.05) == pytest.approx(0.1)
    assert learning_rate(TRAIN, 0.2) == pytest.approx(0.4)
    assert learning_rate(TRAIN, 0.6) == pytest.approx((0.4 + 0.01) / 2)
    assert learning_rate(TRAIN, 0.4) == pytest.approx(0.01 + 0.39 * (1 + math.cos(math.pi / 4)) / 2)
    assert learning_rate(TRAIN, 1) == pytest.approx(0.01)
    assert learning_rate(TRAIN, 1.5) == pytest.approx(0.01)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_the_rate_never_jumps(schedule: str) -> None:
    train = TRAIN.model_copy(update={"schedule": schedule})
    rates = [learning_rate(train, step / 1000) for step in range(1001)]
    assert 0 <= min(rates) <= max(rates) == pytest.approx(train.peak_lr)
    assert max(abs(after - before) for before, after in zip(rates, rates[1:], strict=False)) < 0.4 / 0.2 / 1000 + 1e-9


def test_a_constant_rate_stays_and_no_warmup_starts_high() -> None:
    constant = TRAIN.model_copy(update={"schedule": "constant"})
    assert [learning_rate(constant, progress) for progress in (0.1, 0.2, 0.7, 1)] == pytest.approx([0.2, 0.4, 0.4, 0.4])
    assert learning_rate(TRAIN.model_copy(update={"warmup": 0.0}), 0) == pytest.approx(0.4)


def test_averaging_begins_short_and_ends_at_the_recipes_decay() -> None:
    train = TrainRecipe(ema_decay=0.99)
    assert averaging_decay(train, 0) == pytest.approx(0.1)
    assert averaging_decay(train, 80) == pytest.approx(0.9)
    assert averaging_decay(train, 10**6) == 0.99
    assert averaging_decay(TrainRecipe(ema_decay=0), 10**6) == 0


@pytest.mark.parametrize(
    ("progress", "size"),
    [(0, 64), (0.2999, 64), (0.3, 96), (0.5999, 96), (0.6, 128), (0.99, 128), (1, 128), (1.2, 128)],
)
def test_the_stage_follows_the_shares(progress: float, size: int) -> None:
    assert stage_at(STAGED, progress).image_size == size


def test_without_stages_the_whole_training_has_one_size() -> None:
    recipe = Recipe(data=DataRecipe(image_size=48))
    assert {stage_at(recipe, progress).image_size for progress in (0, 0.5, 1)} == {48}
    assert validation_size(recipe, stage_at(recipe, 0)) == 48


def test_the_validation_size_keeps_its_proportion_to_the_stages() -> None:
    assert [validation_size(STAGED, stage) for stage in STAGED.stages] == [80, 120, 160]
    small = Recipe(data=DataRecipe(evaluation_size=16), train=STAGED.train)
    assert validation_size(small, small.stages[0]) == 16
