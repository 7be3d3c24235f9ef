"""Measures the duration of an epoch before training."""

from __future__ import annotations

import math
import time

import numpy as np

from shelfmind.machine.device import interruptible
from shelfmind.training.loop import Training, update
from shelfmind.training.schedule import validation_size


def measure_epoch(scratch: Training, steps: int = 6) -> dict[str, float]:
    """Seconds of an epoch of the first stage including validation, by image size, estimated from a few steps.

    The steps modify `scratch`, so do not pass the actual training run. It cannot be reset: values set after a graph has
    run only take effect in the next graph that MindSpore compiles.
    """
    stage, batches = scratch.recipe.stages[0], scratch.batches
    squares = [batches.squares[0]] * scratch.forward.batch_size
    size = stage.image_size
    step_s, batch_s = [], []
    for _ in range(steps):
        began = time.perf_counter()
        images, targets = batches.example(size)  # includes the teachers, if there are any
        loss = update(scratch, images, targets, 0.0, 0.0)
        with interruptible():
            loss.asnumpy()
        stepped = time.perf_counter()
        scratch.forward.batch(squares, validation_size(scratch.recipe, stage))
        step_s.append(stepped - began)
        batch_s.append(time.perf_counter() - stepped)
    val_batches = math.ceil(len(scratch.val_labels) / scratch.forward.batch_size)
    epoch_s = float(np.median(step_s)) * batches.steps_per_epoch + float(np.median(batch_s)) * val_batches
    return {str(size): epoch_s}
