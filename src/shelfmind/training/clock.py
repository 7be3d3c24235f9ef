"""Decides how far each epoch brings the training: by a number of epochs, or by a budget of minutes."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class EpochPlan:
    """One epoch: its number, the progress it starts and ends at, and the steps it has."""

    epoch: int
    start: float
    end: float
    steps: int

    def progress_at(self, step: int) -> float:
        """Progress when `step` steps of the epoch are done."""
        return self.start + (self.end - self.start) * step / self.steps

    def moment_of(self, step: int) -> float:
        """Progress that decides the learning rate of a step: where it begins.

        But a training of a single step takes it half-way: where it begins the warm-up has a rate of 0, at which that
        step would change nothing.
        """
        if self.steps == 1 and self.start == 0.0 and self.end == 1.0:
            return 0.5
        return self.progress_at(step)

    def to_json(self) -> dict[str, Any]:
        """For the state of a run."""
        return asdict(self)


@dataclass(frozen=True)
class EpochClock:
    """A training of `epochs` epochs of equal progress."""

    epochs: int
    steps_per_epoch: int

    def plan(self, epoch: int, progress: float, elapsed_s: float, epoch_s: float) -> EpochPlan:
        """The epoch that comes next; times play no part."""
        return EpochPlan(epoch, epoch / self.epochs, (epoch + 1) / self.epochs, self.steps_per_epoch)


@dataclass(frozen=True)
class BudgetClock:
    """A training whose whole schedule, to the end of the cosine, fits into `budget_s` seconds.

    Progress is the share of the budget that is used. Each epoch is planned from the speed measured so far, so that a
    machine that slows down or speeds up half-way still ends on time; the last epoch is cut to what is left.
    """

    budget_s: float
    steps_per_epoch: int

    def plan(self, epoch: int, progress: float, elapsed_s: float, epoch_s: float) -> EpochPlan:
        """The epoch that comes next, if an epoch with its validation takes `epoch_s` seconds."""
        left_s = max(0.0, self.budget_s - elapsed_s)
        fits = left_s / epoch_s
        if fits >= 1.5:
            return EpochPlan(epoch, progress, progress + (1 - progress) / fits, self.steps_per_epoch)
        steps = max(1, round(self.steps_per_epoch * min(1.0, fits)))
        return EpochPlan(epoch, progress, 1.0, steps)


Clock = EpochClock | BudgetClock


@dataclass
class StepWatch:
    """Times the steps of an epoch, without the first of each image size, which waits for the compiler."""

    compiled: set[int] = field(default_factory=set)
    seconds: float = 0.0
    steps: int = 0
    last: float = 0.0

    def reset(self) -> None:
        """Begin an epoch."""
        self.seconds, self.steps = 0.0, 0

    def start(self) -> float:
        """Begin to time steps; returns the time."""
        self.last = time.perf_counter()
        return self.last

    def step(self, image_size: int) -> None:
        """A step at this image size has ended."""
        now = time.perf_counter()
        if image_size in self.compiled:
            self.seconds += now - self.last
            self.steps += 1
        self.compiled.add(image_size)
        self.last = now

    @property
    def step_s(self) -> float | None:
        """Mean seconds a step; None if none could be timed."""
        return self.seconds / self.steps if self.steps else None
