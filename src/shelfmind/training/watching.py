"""Who is told how a training goes; nothing here needs MindSpore."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from shelfmind.recipe import Recipe
from shelfmind.requests.watching import ForwardingObserver, Observer


@dataclass(frozen=True)
class TrainingStart:
    """What will be trained: `kind` names the network, `images` and `val_images` are counts, `epochs_done` those before
    it was stopped, `progress` the share of the training that is done."""

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
    """How a training stands after a step: `step` counts all, `step_in_epoch` those of the epoch of `steps`; `progress`
    is the share of the training that is done, `loss` that of the step alone."""

    epoch: int
    step: int
    step_in_epoch: int
    steps: int
    progress: float
    loss: float
    images_per_second: float


class EpochFigures(TypedDict):
    """The figures of one epoch, a line of `log.jsonl`.

    `progress` is the share of the training that is done, `image_size` in pixels, `lr` the learning rate at the epoch's
    start, `elapsed_s` counted from the training's. The validation figures are None where there is no validation split.
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
    """The last epoch's also says what makes the training's outcome doubtful."""

    warnings: list[str]


class Watcher(Observer):
    """Is told how a training goes; this one is silent. Derive from it and override what you want to know.

    An exception that a method raises ends the training, which can be resumed from what was saved last.
    """

    def begin(self, start: TrainingStart) -> None:
        """Called before the first epoch."""

    def step(self, figures: StepFigures) -> None:
        """Called after each step on CPUs, after every few on other devices, with the loss of the last one."""

    def epoch(self, entry: EpochEntry) -> None:
        """Called after each epoch with its log entry."""


class ForwardingWatcher(ForwardingObserver, Watcher):
    """Passes everything on to another watcher: the base of those that do so and something else besides."""

    def __init__(self, watcher: Watcher) -> None:
        super().__init__(watcher)
        self.watcher = watcher

    def begin(self, start: TrainingStart) -> None:
        """Pass it on."""
        self.watcher.begin(start)

    def step(self, figures: StepFigures) -> None:
        """Pass it on."""
        self.watcher.step(figures)

    def epoch(self, entry: EpochEntry) -> None:
        """Pass it on."""
        self.watcher.epoch(entry)
