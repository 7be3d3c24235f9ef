"""Trainings end at progress 1: after their epochs, or within their minutes on a machine of any and changing speed."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shelfmind.training.clock import BudgetClock, EpochClock, EpochPlan, Pace, StepWatch


def simulated(clock: BudgetClock, step_s: Callable[[float], float], guess_s: float) -> tuple[list[EpochPlan], float]:
    """A training whose steps take `step_s(elapsed)` seconds, planned from the last epoch's time as the loop does."""
    plans: list[EpochPlan] = []
    elapsed, progress, epoch_s = 0.0, 0.0, guess_s
    while progress < 1.0:
        plan = clock.plan(len(plans), progress, Pace(elapsed, epoch_s))
        began = elapsed
        for _ in range(plan.steps):
            elapsed += step_s(elapsed)
        plans.append(plan)
        epoch_s, progress = elapsed - began, plan.end
        assert len(plans) < 100_000
    return plans, elapsed


def check_plans(plans: list[EpochPlan], steps_per_epoch: int) -> None:
    assert plans[0].start == 0
    assert plans[-1].end == 1.0
    assert [plan.epoch for plan in plans] == list(range(len(plans)))
    for before, after in zip(plans, plans[1:], strict=False):
        assert after.start == before.end
    for plan in plans:
        assert plan.start < plan.end
        assert 1 <= plan.steps <= steps_per_epoch
        assert plan.progress_at(0) == plan.start
        assert plan.progress_at(plan.steps) == pytest.approx(plan.end)


def test_epochs_of_equal_progress() -> None:
    clock = EpochClock(7, 11)
    plans = [clock.plan(epoch, epoch / 7) for epoch in range(7)]
    check_plans(plans, 11)
    assert {plan.steps for plan in plans} == {11}
    assert plans[3].end - plans[3].start == pytest.approx(1 / 7)
    assert plans[0].progress_at(5) == pytest.approx(5 / 77)


@settings(max_examples=100, deadline=None)
@given(epochs=st.floats(0.01, 60), steps=st.integers(1, 200), step_s=st.floats(0.001, 3))
def test_a_steady_machine_uses_the_budget_and_no_more(epochs: float, steps: int, step_s: float) -> None:
    epoch_s = steps * step_s
    budget = epochs * epoch_s
    plans, elapsed = simulated(BudgetClock(budget, steps), lambda _: step_s, epoch_s)
    check_plans(plans, steps)
    assert elapsed <= budget + step_s  # the last epoch is cut to whole steps, and there is at least one
    if budget > 2 * epoch_s:
        assert elapsed >= budget - epoch_s / 2 - step_s


@settings(max_examples=100, deadline=None)
@given(
    budget=st.floats(100, 5000),
    steps=st.integers(1, 100),
    change=st.floats(0.05, 0.95),
    factor=st.floats(0.2, 5),
    wrong=st.floats(0.3, 3),
)
def test_a_machine_that_changes_speed_ends_within_an_epochs_change(
    budget: float, steps: int, change: float, factor: float, wrong: float
) -> None:
    first_s = budget / 40 / steps
    plans, elapsed = simulated(
        BudgetClock(budget, steps),
        lambda now: first_s if now < change * budget else first_s * factor,
        40 * first_s * wrong,
    )
    check_plans(plans, steps)
    slower = steps * first_s * max(1.0, factor)
    assert elapsed <= budget + slower + first_s * factor  # only the epoch in which it changes can be misjudged


@pytest.mark.parametrize("budget", [0.001, -5.0, 0.0])
def test_a_tiny_budget_gives_one_step(budget: float) -> None:
    plans, _ = simulated(BudgetClock(budget, 50), lambda _: 1.0, 50.0)
    assert [(plan.steps, plan.end) for plan in plans] == [(1, 1.0)]


def test_the_time_used_before_counts() -> None:
    plan = BudgetClock(100.0, 50).plan(3, 0.5, Pace(60.0, 10.0))
    assert (plan.epoch, plan.start, plan.steps) == (3, 0.5, 50)
    assert plan.end == pytest.approx(0.5 + 0.5 / 4)
    last = BudgetClock(100.0, 50).plan(9, 0.9, Pace(95.0, 10.0))
    assert (last.steps, last.end) == (25, 1.0)


def test_validating_and_saving_count_once_an_epoch() -> None:
    """Ten seconds in 60 after each epoch: however short it is, its steps have the rest of the time."""
    clock = BudgetClock(600.0, 50)
    assert clock.plan(0, 0.0, Pace(0.0, 60.0, 10.0)).end == pytest.approx(0.1)
    last = clock.plan(9, 0.9, Pace(560.0, 60.0, 10.0))
    assert (last.steps, last.end) == (30, 1.0)
    cut = BudgetClock(600.0, 50, lambda start, end: 0.05).plan(0, 0.0, Pace(0.0, 60.0, 10.0))
    assert (cut.steps, cut.end) == (20, 0.05)


def test_saving_counts_as_time_of_the_steps_it_interrupts() -> None:
    watch = StepWatch()
    watch.steps, watch.seconds = 10, 1.0
    saving_s = watch.saved(time.perf_counter() - 3)
    assert saving_s >= 3
    assert watch.step_s == (1.0 + saving_s) / 10


def test_a_plan_survives_json() -> None:
    plan = EpochPlan(3, 0.25, 0.5, 17)
    assert EpochPlan(**plan.to_json()) == plan
