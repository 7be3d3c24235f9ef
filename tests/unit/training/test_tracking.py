"""Trackers are opened once and closed once, however often a training begins."""

from __future__ import annotations

from pathlib import Path

import pytest

from shelfmind.errors import UserError
from shelfmind.recipe import Recipe
from shelfmind.training import tracking
from shelfmind.training.tracking import tracked
from shelfmind.training.watching import StepFigures, TrainingStart, Watcher

START = TrainingStart(Path("run"), Recipe(), "shelfnet_s()", 10, 4, 2, 0, 0.0)


class OneRun:
    """A tracker that, like MLflow, refuses to start a run while one is active."""

    package = "json"
    active: OneRun | None = None
    runs: list[OneRun]

    def __init__(self, run: Path, recipe: str) -> None:
        if OneRun.active is not None:
            raise RuntimeError("a run is already active")
        OneRun.active = self
        OneRun.runs.append(self)
        self.points: list[tuple[str, float, int]] = []

    def scalar(self, name: str, value: float, step: int) -> None:
        self.points.append((name, value, step))

    def close(self) -> None:
        OneRun.active = None


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[OneRun]:
    """The runs that were started."""
    monkeypatch.setitem(tracking.TRACKERS, "one_run", OneRun)
    monkeypatch.setattr(OneRun, "active", None)
    monkeypatch.setattr(OneRun, "runs", [], raising=False)
    return OneRun.runs


def step(number: int) -> StepFigures:
    return StepFigures(0, number, number, 30, number / 30, 1.0, 30.0)


def test_a_training_that_begins_again_continues_in_the_same_tracker(runs: list[OneRun]) -> None:
    """In several processes it begins again after a restart, and for the evaluation."""
    with tracked(["one_run"], Watcher()) as watcher:
        for number in (10, 20):
            watcher.begin(START)
            watcher.step(step(number))
        watcher.begin(START)
    (only,) = runs
    assert only.points == [("step/loss", 1.0, 10), ("step/loss", 1.0, 20)]
    assert OneRun.active is None


def test_each_training_has_its_own_and_closes_it_when_it_fails(runs: list[OneRun]) -> None:
    def fail() -> None:
        with tracked(["one_run"], Watcher()) as watcher:
            watcher.begin(START)
            raise UserError("no space left")

    for _ in range(2):
        with pytest.raises(UserError):
            fail()
    assert len(runs) == 2
    assert OneRun.active is None
