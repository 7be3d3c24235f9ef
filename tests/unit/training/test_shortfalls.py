"""Trainings that cannot have learnt anything, or that nothing judged, are warned of; others are not."""

from __future__ import annotations

from typing import Any

import pytest

from shelfmind.guidance.situation import Machine, Photos
from shelfmind.recipe import load_recipe
from shelfmind.training.clock import EpochPlan
from shelfmind.training.shortfalls import short_budget, shortfalls

USUAL = {"steps": 320, "steps_per_epoch": 8, "batch_size": 16, "max_minutes": None, "elapsed_s": 60.0, "val_images": 15}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, []),
        ({"max_minutes": 2.0}, []),
        ({"steps": 10}, []),
        ({"steps": 9}, ["after 9 steps of 16 images, too few"]),
        ({"steps": 1, "max_minutes": 0.05}, ["after 1 step: a budget of 0.05 minutes is too short"]),
        ({"steps": 1, "max_minutes": 0.7, "elapsed_s": 60.0}, ["Allow at least 3 minutes"]),
        ({"steps": 1, "max_minutes": 2.0, "elapsed_s": 60.0}, ["Allow at least 6 minutes"]),
        ({"steps": 1, "max_minutes": 1 / 60}, ["a budget of 0.017 minutes is too short"]),
        ({"steps": 20, "steps_per_epoch": 50, "max_minutes": 1.0}, ["one epoch takes 50 steps"]),
        ({"steps": 20, "steps_per_epoch": 50}, []),
        ({"val_images": 0}, ["no validation images"]),
        ({"steps": 4, "val_images": 0}, ["after 4 steps", "no validation images"]),
    ],
)
def test_what_is_warned_of(changes: dict[str, Any], said: list[str]) -> None:
    found = shortfalls(**(USUAL | changes))
    assert len(found) == len(said)
    assert all(part in sentence for part, sentence in zip(said, found, strict=True))


def test_a_budget_too_short_for_the_folds_of_a_label_check_is_warned_of() -> None:
    photos = Photos(2936, 2349, 587, 81, smallest=16, typical=30, largest=70, longer_side=348)
    recipe, machine = load_recipe("default"), Machine("CPU", 2, "onednn_bf16")
    warning = short_budget(5, 5, recipe, photos, machine)
    assert warning is not None
    assert warning.startswith("a budget of 5 minutes gives each of 5 folds about")
    enough = int(warning.rsplit(maxsplit=2)[1])
    assert enough > 5
    assert short_budget(enough, 5, recipe, photos, machine) is None
    assert short_budget(5, 5, recipe, photos, Machine("Ascend", 2, "mindspore")) is None


def test_the_only_step_of_a_training_is_taken_in_its_middle_and_others_where_they_begin() -> None:
    assert EpochPlan(0, 0.0, 1.0, 1).moment_of(0) == 0.5
    for plan in (EpochPlan(0, 0.0, 1.0, 2), EpochPlan(0, 0.0, 0.5, 1), EpochPlan(1, 0.5, 1.0, 1)):
        assert [plan.moment_of(step) for step in range(plan.steps)] == [
            plan.progress_at(step) for step in range(plan.steps)
        ]
