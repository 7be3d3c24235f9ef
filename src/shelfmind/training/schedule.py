"""Everything that depends on training progress (0 to 1): learning rate, stage, and weight averaging."""

from __future__ import annotations

import math
from collections.abc import Callable

from shelfmind.recipe import Recipe, Stage, TrainRecipe

Schedule = Callable[[TrainRecipe, float], float]
"""The learning rate at a fraction, 0 to 1, of the training after the warm-up."""


def cosine(train: TrainRecipe, along: float) -> float:
    """Cosine decay from the peak to the final rate (Loshchilov and Hutter, "SGDR", ICLR 2017, equation 5)."""
    return train.final_lr + (train.peak_lr - train.final_lr) * 0.5 * (1 + math.cos(math.pi * along))


def constant(train: TrainRecipe, along: float) -> float:
    """The peak rate throughout."""
    return train.peak_lr


SCHEDULES: dict[str, Schedule] = {"cosine": cosine, "constant": constant}


def learning_rate(train: TrainRecipe, progress: float) -> float:
    """Linear warm-up from 0, then the recipe's schedule."""
    if progress < train.warmup:
        return train.peak_lr * progress / train.warmup
    along = (progress - train.warmup) / (1 - train.warmup)
    return SCHEDULES[train.schedule](train, min(1.0, along))


def averaging_decay(train: TrainRecipe, step: int) -> float:
    """Decay of the averaged weights at a step: small at first, so that the initial weights are soon forgotten."""
    return min(train.ema_decay, (1 + step) / (10 + step))


def stage_at(recipe: Recipe, progress: float) -> Stage:
    """The training stage at `progress`."""
    passed = 0.0
    for stage in recipe.stages:
        passed += stage.share
        if progress < passed - 1e-9:
            return stage
    return recipe.stages[-1]


def validation_size(recipe: Recipe, stage: Stage) -> int:
    """Validation image size of a stage, in the same ratio to the stage's training size as at the end of training."""
    final = recipe.stages[-1].image_size
    return max(16, round(recipe.evaluation_size * stage.image_size / final))
