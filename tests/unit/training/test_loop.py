"""The best weights are those of the best epoch at the image size of predictions; losses are read in time."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import pytest

from shelfmind.errors import UserError
from shelfmind.recipe import Recipe
from shelfmind.training.watching import StepFigures, Watcher


@pytest.mark.parametrize(
    ("epochs", "best"),
    [
        ([(64, 0.2), (64, 0.6), (64, 0.5)], 1),
        ([(64, 0.6), (64, 0.6)], 1),
        ([(64, 0.95), (80, 0.7), (80, 0.8), (80, 0.75)], 2),
        ([(64, 0.95), (80, 0.1)], 1),
        ([(64, None), (64, None)], None),
    ],
)
def test_the_best_epoch_is_one_of_the_last_size(
    epochs: list[tuple[int, float | None]], best: int | None, mindspore: Any
) -> None:
    from shelfmind.training.loop import is_best
    from shelfmind.training.state import Position

    position, kept = Position(), None
    for number, (size, top1) in enumerate(epochs):
        if is_best(position, {"image_size": size, "val_top1": top1}):
            position.best_top1, position.best_size, kept = top1, size, number
    assert kept == best


NAN_AT = 7
"""Of twelve steps in an epoch, the one whose loss is no number."""


class Loss:
    """What a device owes: each waiting for it is noted, with how many steps have been taken by then."""

    waited: ClassVar[list[tuple[float, int]]] = []

    def __init__(self, value: float, position: Any) -> None:
        self.value, self.position = value, position

    def asnumpy(self) -> float:
        Loss.waited.append((self.value, self.position.step_in_epoch))
        return self.value


class Telling(Watcher):
    """Keeps what it is told of steps."""

    def __init__(self) -> None:
        self.told: list[tuple[int, float]] = []

    def step(self, figures: StepFigures) -> None:
        self.told.append((figures.step_in_epoch, figures.loss))


@pytest.fixture
def training(mindspore: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A training of one epoch of twelve steps, saved after every five, whose losses are 0.1 times the step's number."""
    from shelfmind.training.clock import EpochClock
    from shelfmind.training.loop import Training
    from shelfmind.training.state import Position

    Loss.waited.clear()
    batch = np.zeros((2, 3, 4, 4), np.float32), np.zeros((2, 2), np.float32)
    saved: list[int] = []
    asked: list[tuple[Any, ...]] = []
    position = Position()

    def segment(*words: Any) -> list[Any]:
        asked.append(words)
        return [batch] * (words[2] - words[1])

    def step(*words: Any) -> Loss:
        number = position.step_in_epoch + 1
        return Loss(number * 0.1 if number != training.nan_at else math.nan, position)

    training = Training(
        run=SimpleNamespace(),  # type: ignore[arg-type]
        recipe=Recipe.model_validate({"train": {"checkpoint_steps": 5, "epochs": 1}}),
        kind="",
        clock=EpochClock(1, 12),
        batches=SimpleNamespace(segment=segment, steps_per_epoch=12),  # type: ignore[arg-type]
        val_squares=[],
        val_labels=np.zeros(0, np.int64),
        forward=None,  # type: ignore[arg-type]
        optimizer=SimpleNamespace(  # type: ignore[arg-type]
            learning_rate=mindspore.Parameter(mindspore.Tensor(0.0, mindspore.float32))
        ),
        step=step,
        tensors=SimpleNamespace(save=lambda run, kind, position: saved.append(position.step_in_epoch)),  # type: ignore[arg-type]
        ema_weights={},
        position=position,
    )
    training.nan_at, training.saved, training.asked = 0, saved, asked  # type: ignore[attr-defined]
    return training


def run_epoch(training: Any, read_every: int) -> list[tuple[int, float]]:
    from shelfmind.training.loop import train_epoch

    training.read_every, watcher = read_every, Telling()
    train_epoch(training, training.clock.plan(0, 0.0), watcher)
    return watcher.told


@pytest.mark.parametrize(
    ("read_every", "told"),
    [(1, list(range(1, 13))), (4, [4, 5, 8, 10, 12]), (10, [5, 10, 12]), (100, [5, 10, 12])],
)
def test_losses_are_read_every_few_steps_and_before_each_state(read_every: int, told: list[int], training: Any) -> None:
    assert run_epoch(training, read_every) == [(step, step * 0.1) for step in told]
    assert Loss.waited == [(step * 0.1, next(at for at in told if at >= step)) for step in range(1, 13)]
    assert training.saved == [5, 10]
    total = 0.0
    for step in range(1, 13):
        total += step * 0.1
    assert training.position.loss_sum == total  # to the bit, however often they are read


def test_an_epoch_continues_the_pass_where_the_last_one_ended(training: Any) -> None:
    """Epochs of 4, 8 and 12 steps over 12 batches, the last one from the middle of a pass: each image once a pass."""
    from shelfmind.training.clock import EpochPlan
    from shelfmind.training.loop import train_epoch

    for epoch, (at, steps) in enumerate([(0, 4), (4, 8), (18, 12)]):
        training.position.step, training.position.step_in_epoch = at, 0
        train_epoch(training, EpochPlan(epoch, 0.0, 0.5, steps), Watcher())
    assert training.asked == [
        (0, 0, 4, 224, True),
        *((0, 4, 9, 224, True), (0, 9, 12, 224, True)),
        *((1, 6, 11, 224, True), (1, 11, 12, 224, True), (2, 0, 5, 224, True), (2, 5, 6, 224, True)),
    ]


def test_saving_counts_as_time_used_and_is_planned_for(training: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each look at the clock takes a second; the leader saves weights, state and log between two looks."""
    from shelfmind.training import loop
    from shelfmind.training.clock import BudgetClock

    plans, seconds = [], iter(range(10_000))
    monkeypatch.setattr(loop.time, "perf_counter", lambda: float(next(seconds)))
    monkeypatch.setattr(loop, "train_epoch", lambda training, plan, watcher: plans.append(plan))
    entry = {"image_size": 224, "val_top1": None}
    monkeypatch.setattr(loop, "validate", lambda training, plan: entry)
    monkeypatch.setattr(loop, "keep_weights", lambda training, entry: [next(seconds) for _ in range(98)])
    training.run.write_log = lambda history: None
    training.clock = BudgetClock(400.0, 12)
    training.position.epoch_seconds = {"224": 100.0}
    loop.train_to_the_end(training, Watcher())
    assert training.position.saving_s == 99
    assert training.position.elapsed_s == 99 * len(plans)
    assert [plan.end for plan in plans] == pytest.approx([0.25, 0.25 + 0.75 * 199 / 301, 1.0])


@pytest.mark.parametrize("read_every", [1, 4, 10])
def test_a_loss_that_is_no_number_is_named_by_its_step_and_never_saved(read_every: int, training: Any) -> None:
    training.nan_at = NAN_AT
    with pytest.raises(UserError, match=f"the loss is nan at step {NAN_AT} of epoch 1; try a lower rate"):
        run_epoch(training, read_every)
    assert training.saved == [5]


def test_steps_are_not_waited_for_on_accelerators_only(mindspore: Any) -> None:
    from shelfmind.training.loop import READ_EVERY, steps_between_readings

    assert [steps_between_readings(device) for device in ("CPU", "GPU", "Ascend")] == [1, READ_EVERY, READ_EVERY]
