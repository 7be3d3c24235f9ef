"""Warnings about trainings that are too short to learn from, before and after, or that lack validation images."""

from __future__ import annotations

import math

from shelfmind.guidance.situation import Machine, Photos
from shelfmind.guidance.speeds import epochs_within, steps_per_epoch, training_minutes
from shelfmind.nouns import counted
from shelfmind.recipe import Recipe

MIN_STEPS = 10
"""With fewer steps, more than a third of every running mean of batch normalisation is still its initial value (0.9 **
10)."""
STARTUP_FACTOR = 3
"""Time budget to recommend, as a multiple of the time of a run that spent most of it on compilation."""
MIN_EPOCHS, FOLD_STEPS = 5, 100
"""Epochs and steps below which the networks of a label check have hardly learned the labels they check: 4 epochs from
pretrained weights are the shortest check that found wrong labels (RESULTS, "Wrong labels"). A rule of thumb."""


def short_budget(max_minutes: float, folds: int, recipe: Recipe, photos: Photos, machine: Machine) -> str | None:
    """The warning before a label check whose time budget is too short for its folds; None if it suffices.

    Args:
        max_minutes: The budget of all folds.
        photos: The photos that each fold is trained on.
    """
    if machine.device != "CPU":
        return None  # no speeds were measured
    share = max_minutes / folds
    steps = steps_per_epoch(recipe, photos)
    needed = max(MIN_EPOCHS, math.ceil(FOLD_STEPS / steps))
    fitting = epochs_within(share, recipe, photos, machine)
    if fitting >= needed:
        return None
    enough = math.ceil(folds * training_minutes(recipe, needed, photos, machine))
    minutes = f"{round(max_minutes, 3):g} {'minute' if max_minutes == 1 else 'minutes'}"
    return (
        f"a budget of {minutes} gives each of {folds} folds about {counted(round(fitting * steps), 'step')}, too few "
        f"to find wrong labels reliably. Allow at least {counted(enough, 'minute')}"
    )


def shortfalls(
    *,
    steps: int,
    steps_per_epoch: int,
    batch_size: int,
    max_minutes: float | None,
    elapsed_s: float,
    val_images: int,
) -> list[str]:
    """Warnings about a completed training, which took `elapsed_s` seconds, each with a remedy; usually empty."""
    found = []
    ended = f"training ended after {counted(steps, 'step')}"
    if max_minutes is not None and steps < max(MIN_STEPS, steps_per_epoch):
        minutes = f"{round(max_minutes, 3):g} {'minute' if max_minutes == 1 else 'minutes'}"
        enough = math.ceil(STARTUP_FACTOR * max(max_minutes, elapsed_s / 60))
        whole = counted(steps_per_epoch, "step")
        found.append(
            f"{ended}: a budget of {minutes} is too short to learn anything; one epoch takes "
            f"{whole} of {counted(batch_size, 'image')}. Allow at least {counted(enough, 'minute')}"
        )
    elif steps < MIN_STEPS:
        found.append(
            f"{ended} of {counted(batch_size, 'image')}, too few to learn from. Train for more epochs or on more photos"
        )
    if val_images == 0:
        found.append(
            "there are no validation images: the weights of the last epoch are used, and their accuracy is unknown. "
            "Add photos, or move some of them into a folder 'val'"
        )
    return found
