"""Plans the progress of each epoch, for a number of epochs or a time budget."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class EpochPlan:
    """One epoch: its number, its progress at start and end, and its number of steps."""

    epoch: int
    start: float
    end: float
    steps: int

    def progress_at(self, step: int) -> float:
        """Progress after `step` steps of the epoch."""
        return self.start + (self.end - self.start) * step / self.steps

    def moment_of(self, step: int) -> float:
        """The progress that determines the learning rate of a step: the progress at its start.

        With a single training step, the middle is used instead: at the start the warm-up rate is 0, and the step
        would change nothing.
        """
        if self.steps == 1 and self.start == 0.0 and self.end == 1.0:
            return 0.5
        return self.progress_at(step)

    def to_json(self) -> dict[str, Any]:
        """For the state of a run."""
        return asdict(self)


@dataclass(frozen=True)
class EpochClock:
    """A training run of `epochs` epochs, each with equal progress."""

    epochs: int
    steps_per_epoch: int

    def plan(self, epoch: int, progress: float, elapsed_s: float, epoch_s: float) -> EpochPlan:
        """The next epoch; times are ignored."""
        return EpochPlan(epoch, epoch / self.epochs, (epoch + 1) / self.epochs, self.steps_per_epoch)


@dataclass(frozen=True)
class BudgetClock:
    """A training run whose whole schedule, to the end of the cosine, fits into `budget_s` seconds.

    Progress is the used share of the budget. Each epoch is planned from the speed measured so far, so that training
    ends on time even if the machine slows down or speeds up; the last epoch is shortened to the remaining time.
    """

    budget_s: float
    steps_per_epoch: int

    def plan(self, epoch: int, progress: float, elapsed_s: float, epoch_s: float) -> EpochPlan:
        """The next epoch, given that an epoch with its validation takes `epoch_s` seconds."""
        left_s = max(0.0, self.budget_s - elapsed_s)
        fits = left_s / epoch_s
        if fits >= 1.5:
            return EpochPlan(epoch, progress, progress + (1 - progress) / fits, self.steps_per_epoch)
        steps = max(1, round(self.steps_per_epoch * min(1.0, fits)))
        return EpochPlan(epoch, progress, 1.0, steps)


Clock = EpochClock | BudgetClock


@dataclass
class StepWatch:
    """Times the steps of an epoch, except the first at each image size, which includes compilation."""

    compiled: set[int] = field(default_factory=set)
    seconds: float = 0.0
    steps: int = 0
    last: float = 0.0

    def reset(self) -> None:
        """Start an epoch."""
        self.seconds, self.steps = 0.0, 0

    def start(self) -> float:
        """Start timing steps; returns the time."""
        self.last = time.perf_counter()
        return self.last

    def step(self, image_size: int) -> None:
        """Record the end of a step at this image size."""
        now = time.perf_counter()
        if image_size in self.compiled:
            self.seconds += now - self.last
            self.steps += 1
        self.compiled.add(image_size)
        self.last = now

    @property
    def step_s(self) -> float | None:
        """Mean seconds per step; None if no step was timed."""
        return self.seconds / self.steps if self.steps else None
