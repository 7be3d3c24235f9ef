"""What makes the outcome of a training doubtful although it ended well: too few steps, nothing to validate on."""

from __future__ import annotations

from shelfmind.nouns import counted

LEAST_STEPS = 10
"""After fewer, over a third of every running mean of batch normalisation is still what it began with (0.9 ** 10)."""


def shortfalls(
    *, steps: int, steps_per_epoch: int, batch_size: int, max_minutes: float | None, val_images: int
) -> list[str]:
    """What was wrong with a training that has ended, each in a sentence that says what to do; nothing as a rule."""
    found = []
    ended = f"the training ended after {counted(steps, 'step')}"
    if max_minutes is not None and steps < max(LEAST_STEPS, steps_per_epoch):
        minutes = f"{round(max_minutes, 3):g} {'minute' if max_minutes == 1 else 'minutes'}"
        whole = counted(steps_per_epoch, "step")
        found.append(
            f"{ended}: the budget of {minutes} is too short to learn anything; one pass over the training images takes "
            f"{whole} of {counted(batch_size, 'image')}. Give it more minutes"
        )
    elif steps < LEAST_STEPS:
        found.append(
            f"{ended}, too few to learn from: a step takes {counted(batch_size, 'image')}. "
            "Train for more epochs or on more photos"
        )
    if val_images == 0:
        found.append(
            "there is no image for validation: the weights are the last epoch's, nothing says how good they are, and "
            "their accuracy cannot be given. Add photos, or put some that are not trained on into a folder 'val'"
        )
    return found
