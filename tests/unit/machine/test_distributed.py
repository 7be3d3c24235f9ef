"""What processes exchange, with a sum over arrays in place of MindSpore's."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from shelfmind.errors import UserError
from shelfmind.machine import distributed, job
from shelfmind.machine.distributed import ALONE, World


class Together(World):
    """A process whose sums go over threads."""

    def attach(self, barrier: threading.Barrier, values: list[np.ndarray | None]) -> None:
        object.__setattr__(self, "barrier", barrier)
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "sums", [])

    def sum(self, values: np.ndarray) -> np.ndarray:
        self.values[self.rank] = np.asarray(values, np.float32)
        self.sums.append(self.rank)
        self.barrier.wait(5)
        total = np.sum([each for each in self.values if each is not None], axis=0)
        self.barrier.wait(5)
        return total


@pytest.fixture
def everyone():
    """Call a function in each of several processes, so many on each host; returns the answers or exceptions by rank."""

    def call(size: int, function, on_host: int = 1):
        barrier, values, answers = threading.Barrier(size), [None] * size, [None] * size

        def one(rank: int) -> None:
            world = Together(rank, size, rank % on_host)
            world.attach(barrier, values)
            try:
                answers[rank] = function(world)
            except Exception as error:
                answers[rank] = error

        threads = [threading.Thread(target=one, args=(rank,)) for rank in range(size)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return answers

    return call


@pytest.mark.parametrize("piece", [3, 2**20])
@pytest.mark.parametrize("size", [1, 2, 5])
def test_texts_of_all_processes_arrive_by_rank(
    everyone, size: int, piece: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(distributed, "_PIECE", piece)
    texts = ["", "商品 🧃", "x" * 1000, "y", "zz"][:size]
    assert everyone(size, lambda world: world.gather(texts[world.rank])) == [texts] * size
    for text in texts:
        assert everyone(size, lambda world, text=text: world.share(text if world.leads else "")) == [text] * size


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes that wait for each other ask all the time."""
    monkeypatch.setattr(distributed, "_FIRST_WAIT_S", 0.001)
    monkeypatch.setattr(distributed, "_LONGEST_WAIT_S", 0.001)


def test_the_first_process_of_a_host_works_first_and_no_exchange_waits_for_it(everyone, quick: None) -> None:
    began, ended = [], []

    def work(world: Together) -> str:
        began.append((world.rank, len(ended)))
        while len(world.sums) < 5:  # as many exchanges as it takes
            time.sleep(0.001)
        ended.append(world.rank)
        return f"of {world.rank}"

    answers = everyone(4, lambda world: world.first_on_host(lambda: work(world)), on_host=2)
    assert answers == ["of 0", "of 1", "of 2", "of 3"]
    assert {rank for rank, _ in began[:2]} == {0, 2}
    assert [before for _, before in began[2:]] in ([2, 2], [2, 3])
    assert set(ended[:2]) == {0, 2}


@pytest.mark.parametrize("failing", [0, 1])
def test_the_error_of_a_process_is_raised_at_once(everyone, quick: None, failing: int) -> None:
    def work(world: Together) -> int:
        if world.rank != failing:
            return world.rank
        world.barrier.abort()  # the others are killed while they wait for an exchange
        raise UserError("no photos")

    answers = everyone(2, lambda world: world.first_on_host(lambda: work(world)), on_host=2)
    assert str(answers[failing]) == "no photos"
    assert isinstance(answers[1 - failing], threading.BrokenBarrierError)


def test_the_first_process_of_a_host_uses_the_cores_of_all(everyone, quick: None, monkeypatch) -> None:
    used: list[tuple[str, list[int]]] = []
    monkeypatch.setattr(job, "_cores", [0, 1, 2, 3])
    monkeypatch.setattr(
        job.os,
        "sched_setaffinity",
        lambda pid, cores: used.append((threading.current_thread().name, cores)),
        raising=False,
    )
    everyone(2, lambda world: world.first_on_host(lambda: None), on_host=2)
    assert used == [("work", [0, 1, 2, 3])]


def test_one_process_exchanges_nothing() -> None:
    values = np.arange(3, dtype=np.float32)
    assert ALONE.sum(values) is values
    assert ALONE.leads
    assert ALONE.first_on_host(threading.current_thread) is threading.current_thread()
    ALONE.broadcast([])


@pytest.mark.parametrize(("workers", "expected"), [(2, [[0, 1], [2, 3]]), (3, [[0], [1], [2, 3]]), (8, [[0, 1, 2, 3]])])
def test_workers_share_the_cores(monkeypatch: pytest.MonkeyPatch, workers: int, expected: list[list[int]]) -> None:
    chosen: list[list[int]] = []
    monkeypatch.setattr(job.os, "sched_getaffinity", lambda pid: {3, 1, 0, 2}, raising=False)
    monkeypatch.setattr(job.os, "sched_setaffinity", lambda pid, cores: chosen.append(cores), raising=False)
    monkeypatch.setenv(job.WORKERS_HERE, str(workers))
    for rank in range(len(expected)):
        monkeypatch.setenv(job.LOCAL_RANK, str(rank))
        job.share_cores()
    assert chosen == expected


def test_processes_with_other_facts_are_named(everyone) -> None:
    pytest.importorskip("mindspore")
    from shelfmind.training.together import require_agreement

    def agree(world: World) -> None:
        require_agreement({"data": "a", "recipe": "b" if world.rank == 1 else "c"}, world)

    errors = everyone(3, agree)
    assert all("process 1 on" in str(error) for error in errors)
    assert all("differs from process 0" in str(error) for error in errors)
    assert all("in: recipe; give all processes the same" in str(error) for error in errors)
    assert everyone(3, lambda world: require_agreement({"data": "a"}, world)) == [None] * 3
