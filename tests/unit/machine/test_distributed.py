"""What processes exchange, with a sum over arrays in place of MindSpore's."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from shelfmind.machine import distributed, job
from shelfmind.machine.distributed import ALONE, World


class Together(World):
    """A process whose sums go over threads."""

    def attach(self, barrier: threading.Barrier, values: list[np.ndarray | None]) -> None:
        object.__setattr__(self, "barrier", barrier)
        object.__setattr__(self, "values", values)

    def sum(self, values: np.ndarray) -> np.ndarray:
        self.values[self.rank] = np.asarray(values, np.float32)
        self.barrier.wait(5)
        total = np.sum([each for each in self.values if each is not None], axis=0)
        self.barrier.wait(5)
        return total


@pytest.fixture
def everyone():
    """Call a function in each of several processes; returns the answers or exceptions by rank."""

    def call(size: int, function):
        barrier, values, answers = threading.Barrier(size), [None] * size, [None] * size

        def one(rank: int) -> None:
            world = Together(rank, size)
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


def test_one_process_exchanges_nothing() -> None:
    values = np.arange(3, dtype=np.float32)
    assert ALONE.sum(values) is values
    assert ALONE.leads
    ALONE.wait()
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
