"""Handing out tasks to workers that die at any moment."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shelfmind.errors import LostProcessError, UserError
from shelfmind.machine.dispatch import MAX_DEATHS, TASKS_PER_WORKER, Dispatch, WorkerLost


class Crew:
    """Workers in this process: `wait` lets time pass in a random order, in which some die at random.

    A worker computes its tasks in order and loses all of them when it dies; those in `poison` kill every worker.
    """

    def __init__(self, seed: int = 0, death: float = 0.0, poison: frozenset[int] = frozenset(), starts: bool = True):
        self.random, self.death, self.poison, self.starts = random.Random(seed), death, poison, starts
        self.queues: dict[int, list[tuple[str, Any]]] = {}
        self.outcomes: dict[tuple[int, int], Any] = {}
        self.asked = 0
        self.started: list[int] = []
        self.stopped: list[int] = []
        self.most_queued = 0

    def start(self) -> int:
        worker = len(self.started)
        self.started.append(worker)
        self.queues[worker] = []
        return worker

    def _ask(self, worker: int, what: Any) -> tuple[int, int]:
        self.asked += 1
        reference = worker, self.asked
        self.queues[worker].append((reference, what))  # type: ignore[arg-type]
        return reference

    def prepare(self, worker: int) -> tuple[int, int]:
        return self._ask(worker, None)

    def compute(self, worker: int, task: int) -> tuple[int, int]:
        reference = self._ask(worker, task)
        self.most_queued = max(self.most_queued, len(self.queues[worker]))
        return reference

    def wait(self, references: list[Any]) -> Any:
        while not (ready := [each for each in references if each in self.outcomes]):
            self._work(self.random.choice([worker for worker, queue in self.queues.items() if queue]))
        return self.random.choice(ready)

    def _work(self, worker: int) -> None:
        reference, what = self.queues[worker][0]
        dies = what in self.poison if what is not None else not self.starts
        if dies or self.random.random() < self.death:
            for lost, _ in self.queues[worker]:
                self.outcomes[lost] = WorkerLost("killed")  # type: ignore[index]
            self.queues[worker] = []
            return
        self.queues[worker].pop(0)
        self.outcomes[reference] = "host" if what is None else what * what  # type: ignore[index]

    def outcome(self, reference: Any) -> Any:
        found = self.outcomes[reference]
        if isinstance(found, Exception):
            raise found
        return found

    def stop(self, worker: int) -> None:
        self.stopped.append(worker)


def dispatch(crew: Crew, number: int, count: int, notes: list[str]) -> Iterator[tuple[int, int]]:
    tasks = ((index, index) for index in range(count))
    return Dispatch[int, int, int](crew, number, tasks, notes.append, lambda task: f"image {task}").results()


@given(st.integers(0, 10_000), st.integers(1, 5), st.integers(0, 30), st.sampled_from([0.0, 0.05, 0.15]))
def test_each_task_is_done_exactly_once_whoever_dies(seed: int, number: int, count: int, death: float) -> None:
    crew, notes = Crew(seed, death), list[str]()
    try:
        found = list(dispatch(crew, number, count, notes))
    except LostProcessError:
        assert death  # three deaths over one task do happen at random
        return
    assert sorted(found) == [(index, index * index) for index in range(count)]
    assert crew.most_queued <= TASKS_PER_WORKER
    assert set(crew.stopped) == set(crew.started)
    assert len(crew.started) >= min(number, count)
    assert crew.started == [] if count == 0 else True


def test_no_more_workers_than_tasks_are_started() -> None:
    crew = Crew()
    list(dispatch(crew, 8, 3, []))
    assert len(crew.started) == 3


def test_a_task_that_kills_every_worker_ends_the_job_and_is_named() -> None:
    crew, notes = Crew(poison=frozenset({5})), list[str]()
    with pytest.raises(
        LostProcessError, match=r"3 workers died while computing image 5, the last one on host \(killed"
    ):
        list(dispatch(crew, 2, 8, notes))
    assert len(notes) == MAX_DEATHS - 1
    assert notes[0] == "a worker on host died (killed); its images are computed again"
    assert set(crew.stopped) == set(crew.started)


def test_workers_that_cannot_start_end_the_job() -> None:
    crew = Crew(starts=False)
    with pytest.raises(LostProcessError, match=r"5 workers in a row died at the start \(killed\); check the memory"):
        list(dispatch(crew, 2, 8, []))


def test_an_error_of_a_worker_ends_the_job() -> None:
    crew = Crew()
    crew.outcome = lambda reference: (_ for _ in ()).throw(UserError("no such file"))  # type: ignore[method-assign]
    with pytest.raises(UserError, match="no such file"):
        list(dispatch(crew, 2, 8, []))
    assert set(crew.stopped) == set(crew.started)


def test_workers_end_when_the_reader_stops_early() -> None:
    crew = Crew()
    results = dispatch(crew, 2, 8, [])
    next(results)
    results.close()  # type: ignore[attr-defined]
    assert set(crew.stopped) == set(crew.started) == {0, 1}
