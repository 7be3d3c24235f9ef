"""Rate, stage, averaging and validation size as the training goes from 0 to 1."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest

from shelfmind.recipe import DataRecipe, MixingRecipe, Recipe, Stage, TrainRecipe, load_recipe, recipe_names
from shelfmind.training.clock import BudgetClock, Clock, EpochClock, EpochPlan, Pace
from shelfmind.training.schedule import (
    LATE_STAGE,
    SCHEDULES,
    averaging_decay,
    end_of_epoch,
    learning_rate,
    stage_at,
    validation_size,
)

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


_RECIPES = {name: load_recipe(name) for name in recipe_names()}
STAGED_RECIPES = sorted({(each.stages, each.mixing.until): name for name, each in _RECIPES.items()}.values())
"""A recipe for each way of dividing the training that the packaged ones have."""


def planned(recipe: Recipe, clock: Clock, epoch_s: Callable[[int], float] = lambda size: 1.0) -> list[EpochPlan]:
    """The epochs of a training, of which a whole one takes `epoch_s(size)` seconds at an image size."""
    clock = replace(clock, ends=partial(end_of_epoch, recipe))
    plans: list[EpochPlan] = []
    progress = elapsed_s = 0.0
    while progress < 1.0:
        seconds = epoch_s(stage_at(recipe, progress).image_size)
        at = len(plans), progress
        plans.append(clock.plan(*at, Pace(elapsed_s, seconds)) if isinstance(clock, BudgetClock) else clock.plan(*at))
        progress, elapsed_s = plans[-1].end, elapsed_s + seconds * plans[-1].steps / clock.steps_per_epoch
    return plans


def require_every_stage(recipe: Recipe, plans: list[EpochPlan]) -> None:
    assert [plans[0].start, *(plan.end for plan in plans)] == [*(plan.start for plan in plans), 1.0]
    sizes = [stage_at(recipe, plan.start).image_size for plan in plans]
    assert list(dict.fromkeys(sizes)) == [stage.image_size for stage in recipe.stages]
    for stage in recipe.stages:
        own = [plan for plan, size in zip(plans, sizes, strict=True) if size == stage.image_size]
        assert own[-1].end - own[0].start >= (1 - LATE_STAGE) * stage.share - 1e-9
    if recipe.mixing.mixup:
        assert plans[-1].start >= recipe.mixing.until


@pytest.mark.parametrize("name", STAGED_RECIPES)
@pytest.mark.parametrize("steps", [1, 2, 7, 100])
def test_a_few_epochs_reach_every_stage(name: str, steps: int) -> None:
    recipe = load_recipe(name)
    for epochs in range(1, 11):
        plans = planned(recipe, EpochClock(epochs, steps))
        require_every_stage(recipe, plans)
        if steps == 100:
            assert sum(plan.steps for plan in plans) == 100 * epochs


@pytest.mark.parametrize("name", STAGED_RECIPES)
@pytest.mark.parametrize("epochs", [0.2, 0.5, 1, 1.4, 1.7, 2, 3, 5, 8, 12, 20])
def test_a_time_budget_reaches_every_stage_however_many_photos_there_are(name: str, epochs: float) -> None:
    recipe = load_recipe(name)
    plans = planned(recipe, BudgetClock(epochs * 1000.0, 5000), lambda size: 1000.0 * (size / 100) ** 2)
    require_every_stage(recipe, plans)
    used_s = sum(10 * plan.steps / 50 * (stage_at(recipe, plan.start).image_size / 100) ** 2 for plan in plans)
    assert used_s <= 1000 * epochs + 2


def test_a_stage_that_begins_within_a_short_epoch_waits_for_its_end() -> None:
    """81 epochs, of which those at the boundaries are not cut, as before; nor is the one in which mixing ends."""
    recipe = load_recipe("grocery_cpu")
    plans = planned(recipe, EpochClock(81, 100))
    assert [plan.start for plan in plans] == [epoch / 81 for epoch in range(81)]
    assert {plan.steps for plan in plans} == {100}
    sizes = [stage_at(recipe, plan.start).image_size for plan in plans]
    assert [sizes.count(stage.image_size) for stage in recipe.stages] == [10, 25, 20, 26]
    assert sum(plan.start < recipe.mixing.until for plan in plans) == 73


def test_an_epoch_ends_where_a_late_stage_or_the_training_without_mixing_begins() -> None:
    assert end_of_epoch(STAGED, 0.0, 0.25) == 0.25
    assert end_of_epoch(STAGED, 0.25, 0.37) == 0.37
    assert end_of_epoch(STAGED, 0.25, 0.38) == 0.3
    assert end_of_epoch(STAGED, 0.0, 1.0) == 0.3
    assert end_of_epoch(STAGED, 0.6, 1.0) == 1.0
    mixed = STAGED.model_copy(update={"mixing": MixingRecipe(cutmix=0.5, until=0.9)})
    assert [end_of_epoch(mixed, 0.8, end) for end in (0.95, 0.96, 1.0)] == [0.95, 0.9, 0.9]
    assert end_of_epoch(STAGED.model_copy(update={"mixing": MixingRecipe(until=0.9)}), 0.8, 1.0) == 1.0
    assert end_of_epoch(mixed, 0.9, 1.0) == 1.0


def test_without_stages_the_whole_training_has_one_size() -> None:
    recipe = Recipe(data=DataRecipe(image_size=48))
    assert {stage_at(recipe, progress).image_size for progress in (0, 0.5, 1)} == {48}
    assert validation_size(recipe, stage_at(recipe, 0)) == 48


def test_the_validation_size_keeps_its_proportion_to_the_stages() -> None:
    assert [validation_size(STAGED, stage) for stage in STAGED.stages] == [80, 120, 160]
    small = Recipe(data=DataRecipe(evaluation_size=16), train=STAGED.train)
    assert validation_size(small, small.stages[0]) == 16
