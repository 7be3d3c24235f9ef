"""Everything that depends on training progress (0 to 1): learning rate, stage, and weight averaging."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import accumulate, pairwise

from shelfmind.recipe import Recipe, Stage, TrainRecipe

LATE_STAGE, LATE_END_OF_MIXING = 0.25, 0.5
"""The share of a stage, and of the training without mixing, that may pass before the epoch in progress ends."""
_ROUNDING = 1e-9
"""Progress below which two moments are the same."""

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
        if progress < passed - _ROUNDING:
            return stage
    return recipe.stages[-1]


def end_of_epoch(recipe: Recipe, start: float, end: float) -> float:
    """The progress at which an epoch ends that could last from `start` to `end`.

    It has the image size and the mixing of its start. It ends earlier, where the next stage or the training without
    mixing begins, if that would otherwise begin much too late or be skipped.
    """
    mixes = recipe.mixing.mixup + recipe.mixing.cutmix > 0
    stages = accumulate(stage.share for stage in recipe.stages[:-1])
    ends = [end]
    for begins, late in ((stages, LATE_STAGE), ([recipe.mixing.until] if mixes else [], LATE_END_OF_MIXING)):
        for begin, after in pairwise([*begins, 1.0]):
            if start + _ROUNDING < begin < end - _ROUNDING and end - begin > late * (after - begin):
                ends.append(begin)
    return min(ends)


def validation_size(recipe: Recipe, stage: Stage) -> int:
    """Validation image size of a stage, in the same ratio to the stage's training size as at the end of training."""
    final = recipe.stages[-1].image_size
    return max(16, round(recipe.evaluation_size * stage.image_size / final))
