"""Training callbacks; independent of MindSpore."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from shelfmind.recipe import Recipe
from shelfmind.requests.watching import ForwardingObserver, Observer


@dataclass(frozen=True)
class TrainingStart:
    """What will be trained: `kind` names the network, `images` and `val_images` are counts, `epochs_done` the epochs
    before it was resumed, `progress` the completed share of training."""

    run: Path
    recipe: Recipe
    kind: str
    images: int
    batch_size: int
    val_images: int
    epochs_done: int
    progress: float


@dataclass(frozen=True)
class StepFigures:
    """The state of training after a step: `step` counts all steps, `step_in_epoch` those of the current epoch of
    `steps` steps; `epoch` counts from 0; `progress` is the completed share of training, `loss` that of this step.
    `images_per_second` does not include compilation and is 0 until a step without compilation has been timed."""

    epoch: int
    step: int
    step_in_epoch: int
    steps: int
    progress: float
    loss: float
    images_per_second: float


class EpochFigures(TypedDict):
    """The metrics of one epoch, a line of `log.jsonl`.

    `progress` is the completed share of training, `image_size` in pixels, `lr` the learning rate at the epoch's
    start, `elapsed_s` counted from the start of training. The validation metrics are None without a validation split.
    """

    epoch: int
    progress: float
    steps: int
    image_size: int
    train_loss: float
    val_loss: float | None
    val_top1: float | None
    lr: float
    images_per_second: float
    elapsed_s: float


class EpochEntry(EpochFigures, total=False):
    """The entry of the last epoch also has warnings about the training result."""

    warnings: list[str]


class Watcher(Observer):
    """Receives training events; this base class ignores them. Subclass it and override the events of interest.

    An exception raised by a method stops training, which can be resumed from the last saved state.
    """

    def begin(self, start: TrainingStart) -> None:
        """Called before the first epoch."""

    def step(self, figures: StepFigures) -> None:
        """Called after each step on CPUs, every few steps on other devices, with the latest loss."""

    def epoch(self, entry: EpochEntry) -> None:
        """Called after each epoch with its log entry."""


class ForwardingWatcher(ForwardingObserver, Watcher):
    """Forwards everything to another watcher. Base class for watchers that wrap another one."""

    def __init__(self, watcher: Watcher) -> None:
        super().__init__(watcher)
        self.watcher = watcher

    def begin(self, start: TrainingStart) -> None:
        """Forward the event."""
        self.watcher.begin(start)

    def step(self, figures: StepFigures) -> None:
        """Forward the event."""
        self.watcher.step(figures)

    def epoch(self, entry: EpochEntry) -> None:
        """Forward the event."""
        self.watcher.epoch(entry)
