"""Hands out tasks to workers that may die: the result of each task arrives exactly once."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Generic, Protocol, TypeVar

from shelfmind.errors import LostProcessError
from shelfmind.nouns import counted
from shelfmind.progress import Note

K = TypeVar("K")
T = TypeVar("T")
R = TypeVar("R")
TASKS_PER_WORKER = 2
"""One that it computes and one that waits, so that it never waits for the next one."""
MAX_DEATHS = 3
"""The job ends if this number of workers died while computing the same task."""


class WorkerLost(Exception):  # noqa: N818 - no error of the job: the worker is replaced
    """A worker died or cannot be reached any more; the message says why."""


class Crew(Protocol):
    """Starts workers and calls them; a reference stands for the outcome of a call."""

    def start(self) -> Any:
        """Start a worker."""

    def prepare(self, worker: Any) -> Hashable:
        """Let a worker get ready; the reference to the name of its host."""

    def compute(self, worker: Any, task: Any) -> Hashable:
        """Let a worker compute a task after those that it has."""

    def wait(self, references: list[Any]) -> Any:
        """Wait until one of the outcomes is there and return its reference."""

    def outcome(self, reference: Any) -> Any:
        """Return an outcome. Raises `WorkerLost`, or what the worker raised."""

    def stop(self, worker: Any) -> None:
        """End a worker, whatever it is doing."""


@dataclass(eq=False)
class _Job(Generic[K, T]):
    """A task and the number of workers that died while they computed it."""

    key: K
    task: T
    deaths: int = 0


@dataclass(eq=False)
class _Worker(Generic[K, T]):
    """A worker, the host that it runs on once it is ready, and its jobs in the order of their computation."""

    handle: Any
    host: str | None = None
    jobs: list[_Job[K, T]] = field(default_factory=list)


class Dispatch(Generic[K, T, R]):
    """One pass over tasks with up to `number` workers, each of which is replaced when it dies.

    `describe` names a task in messages.
    """

    def __init__(
        self, crew: Crew, number: int, tasks: Iterable[tuple[K, T]], note: Note, describe: Callable[[T], str]
    ) -> None:
        self.crew, self.number, self.note, self.describe = crew, number, note, describe
        self.tasks = iter(tasks)
        self.returned: deque[_Job[K, T]] = deque()
        self.workers: list[_Worker[K, T]] = []
        self.expected: dict[Any, tuple[_Worker[K, T], _Job[K, T] | None]] = {}
        self.failed_starts = 0

    def results(self) -> Iterator[tuple[K, R]]:
        """Yield the key and the result of each task as soon as it arrives; the workers end with the iterator.

        Raises:
            LostProcessError: several workers died while computing the same task, or before they were ready.
        """
        try:
            self.returned.extend(_Job(*each) for each in islice(self.tasks, self.number))
            for _ in range(len(self.returned)):
                self._start()
            while self._hand_out():
                reference = self.crew.wait(list(self.expected))
                worker, job = self.expected.pop(reference)
                try:
                    outcome = self.crew.outcome(reference)
                except WorkerLost as loss:
                    self._replace(worker, str(loss))
                    continue
                if job is None:
                    worker.host, self.failed_starts = str(outcome), 0
                    continue
                worker.jobs.remove(job)
                yield job.key, outcome
        finally:
            for worker in self.workers:
                self.crew.stop(worker.handle)

    def _hand_out(self) -> bool:
        """Give jobs to the workers that are ready, evenly; return whether any job is unfinished."""
        for taken in range(TASKS_PER_WORKER):
            for worker in self.workers:
                if worker.host is not None and len(worker.jobs) == taken and (job := self._next()) is not None:
                    worker.jobs.append(job)
                    self.expected[self.crew.compute(worker.handle, job.task)] = worker, job
        return bool(self.returned) or any(worker.jobs for worker in self.workers)

    def _next(self) -> _Job[K, T] | None:
        if self.returned:
            return self.returned.popleft()
        key_and_task = next(self.tasks, None)
        return None if key_and_task is None else _Job(*key_and_task)

    def _start(self) -> None:
        worker: _Worker[K, T] = _Worker(self.crew.start())
        self.workers.append(worker)
        self.expected[self.crew.prepare(worker.handle)] = worker, None

    def _replace(self, worker: _Worker[K, T], reason: str) -> None:
        """Return the jobs of a dead worker and start another one."""
        self.workers.remove(worker)
        self.crew.stop(worker.handle)
        self.expected = {reference: each for reference, each in self.expected.items() if each[0] is not worker}
        self._require_progress(worker, reason)
        self.returned.extendleft(reversed(worker.jobs))
        self._start()

    def _require_progress(self, worker: _Worker[K, T], reason: str) -> None:
        if worker.host is None:
            self.failed_starts += 1
            if self.failed_starts >= MAX_DEATHS + self.number:
                raise LostProcessError(
                    f"{counted(self.failed_starts, 'worker')} in a row died at the start ({reason}); check the "
                    "memory of the hosts and the logs of Ray"
                )
            return
        if worker.jobs:
            worker.jobs[0].deaths += 1
            if worker.jobs[0].deaths >= MAX_DEATHS:
                raise LostProcessError(
                    f"{MAX_DEATHS} workers died while computing {self.describe(worker.jobs[0].task)}, the last one on "
                    f"{worker.host} ({reason}); use fewer workers if memory is short, or exclude these images"
                )
        self.note(f"a worker on {worker.host} died ({reason}); its images are computed again")
