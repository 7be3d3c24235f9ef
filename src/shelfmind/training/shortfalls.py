"""Warnings about the result of a completed training: too few steps, no validation images."""

from __future__ import annotations

import math

from shelfmind.nouns import counted

MIN_STEPS = 10
"""With fewer steps, more than a third of every running mean of batch normalisation is still its initial value (0.9 **
10)."""
STARTUP_FACTOR = 3
"""Time budget to recommend, as a multiple of the time of a run that spent most of it on compilation."""


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
