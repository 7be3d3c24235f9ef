"""Plans the progress of each epoch, for a number of epochs or a time budget."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

Ends = Callable[[float, float], float]
"""The progress at which an epoch ends that could last from one progress to another: there, or earlier."""


def at_the_end(start: float, end: float) -> float:
    """Every epoch lasts as long as it could."""
    return end


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
    """A training run of `epochs` passes over the images, each with equal progress.

    An epoch is a pass, or the part of one up to where it must end.
    """

    epochs: int
    steps_per_epoch: int
    ends: Ends = at_the_end

    def plan(self, epoch: int, progress: float) -> EpochPlan:
        """The next epoch."""
        passed = math.floor(progress * self.epochs + 1e-6)
        end = self.ends(progress, (passed + 1) / self.epochs)
        return EpochPlan(epoch, progress, end, max(1, self._steps_until(end) - self._steps_until(progress)))

    def _steps_until(self, progress: float) -> int:
        return round(progress * self.epochs * self.steps_per_epoch)


@dataclass(frozen=True)
class Pace:
    """What is known of the time: `elapsed_s` seconds are used, and a whole epoch takes `epoch_s` seconds, `fixed_s` of
    them for validation and saving at its end, however few steps it has."""

    elapsed_s: float
    epoch_s: float
    fixed_s: float = 0.0


@dataclass(frozen=True)
class BudgetClock:
    """A training run whose whole schedule, to the end of the cosine, fits into `budget_s` seconds.

    Progress is the used share of the budget. Each epoch is planned from the speed measured so far, so that training
    ends on time even if the machine slows down or speeds up; the last epoch is shortened to the remaining time.
    """

    budget_s: float
    steps_per_epoch: int
    ends: Ends = at_the_end

    def plan(self, epoch: int, progress: float, pace: Pace) -> EpochPlan:
        """The next epoch at this pace."""
        left_s = max(0.0, self.budget_s - pace.elapsed_s)
        fits = left_s / pace.epoch_s
        whole = progress + (1 - progress) / fits if fits >= 1.5 else 1.0
        end = self.ends(progress, whole)
        if end == whole < 1.0:
            return EpochPlan(epoch, progress, end, self.steps_per_epoch)
        own_s = left_s * (end - progress) / (1 - progress) - pace.fixed_s
        steps = round(self.steps_per_epoch * own_s / (pace.epoch_s - pace.fixed_s))
        return EpochPlan(epoch, progress, end, min(self.steps_per_epoch, max(1, steps)))


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

    def saved(self, began: float) -> float:
        """Record the end of saving between steps, which slows these down; returns its seconds."""
        saving_s = time.perf_counter() - began
        self.seconds += saving_s
        return saving_s

    @property
    def step_s(self) -> float | None:
        """Mean seconds per step; None if no step was timed."""
        return self.seconds / self.steps if self.steps else None
