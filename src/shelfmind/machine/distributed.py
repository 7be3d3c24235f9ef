"""The processes of a data-parallel job, started by MindSpore's `msrun`, and what they exchange."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from concurrent.futures import wait as wait_for
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from shelfmind.arrays import Floats
from shelfmind.machine.job import LOCAL_RANK, started_by_msrun, use_all_cores

if TYPE_CHECKING:
    from mindspore import Parameter


T = TypeVar("T")
_PIECE = 2**20
"""Bytes of a text that are exchanged at a time: each takes four in a float32."""
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.05, 5.0
"""Seconds before the processes ask each other whether they are done; each wait is twice as long as the last one."""


@dataclass(frozen=True)
class World:
    """The processes that train together: the rank of this one, from 0, their number, and the rank on this host.

    All exchanges are collective: every process must call them, in the same order. They add up float32 arrays, the only
    exchange that MindSpore supports on all devices.
    """

    rank: int = 0
    size: int = 1
    local_rank: int = 0

    @property
    def leads(self) -> bool:
        """Whether this process writes the run folder and reports."""
        return self.rank == 0

    def sum(self, values: Floats) -> Floats:
        """The sum over all processes, elementwise."""
        if self.size == 1:
            return values
        from mindspore import Tensor

        flat = np.ascontiguousarray(values, np.float32).reshape(-1)
        return np.asarray(_all_reduce()(Tensor(flat)).asnumpy().reshape(np.shape(values)))

    def gather(self, text: str) -> list[str]:
        """The texts of all processes, by rank."""
        if self.size == 1:
            return [text]
        own = np.frombuffer(text.encode(), np.uint8)
        lengths = np.zeros(self.size, np.float32)
        lengths[self.rank] = len(own)
        counts = self.sum(lengths).astype(np.int64)
        letters = np.zeros((self.size, max(1, int(counts.max()))), np.float32)
        letters[self.rank, : len(own)] = own
        rows = self.sum(letters).astype(np.uint8)
        return [row[:count].tobytes().decode() for row, count in zip(rows, counts.tolist(), strict=True)]

    def share(self, text: str) -> str:
        """The text of the leader; those of the others are ignored."""
        if self.size == 1:
            return text
        own = np.frombuffer(text.encode() if self.leads else b"", np.uint8)
        count = int(self.sum(np.array([len(own) // _PIECE, len(own) % _PIECE], np.float32)) @ (_PIECE, 1))
        pieces = []
        for start in range(0, count, _PIECE):
            piece = np.zeros(min(_PIECE, count - start), np.float32)
            piece[: len(own[start : start + _PIECE])] = own[start : start + _PIECE]
            pieces.append(self.sum(piece).astype(np.uint8).tobytes())
        return b"".join(pieces).decode()

    def first_on_host(self, work: Callable[[], T]) -> T:
        """The result of `work`, which may take hours: first of the first process of each host, which uses all of its
        cores, then of the others, which find in the cache of the host what the first one has put there."""
        if self.size == 1:
            return work()
        own: Future[T] | None = None
        for turn_of_first in (True, False):
            if (self.local_rank == 0) is turn_of_first:
                own = _in_thread(work, on_all_cores=turn_of_first)
            self._wait_for_all(own)
        assert own is not None
        return own.result()

    def _wait_for_all(self, own: Future[Any] | None) -> None:
        """Wait until all processes have done their work, this one its `own`; raises the error of that at once.

        An exchange fails when a process is late: by half a minute on CPUs, by half an hour on Ascend. So the processes
        only ask each other now and then, while a thread works.
        """
        wait_s = _FIRST_WAIT_S
        while True:
            if own is None or own.done():
                time.sleep(wait_s)
            else:
                wait_for([own], wait_s)
            done = own is None or own.done()
            if own is not None and done:
                own.result()
            if self.sum(np.full(1, done, np.float32))[0] == self.size:
                return
            wait_s = min(2 * wait_s, _LONGEST_WAIT_S)

    def broadcast(self, parameters: Sequence[Parameter]) -> None:
        """Give all processes the leader's values of the parameters."""
        if self.size == 1:
            return
        from mindspore import Tensor

        for parameter in parameters:
            own = parameter.asnumpy()
            values = self.sum(own.astype(np.float32) if self.leads else np.zeros(own.shape, np.float32))
            parameter.set_data(Tensor(values.astype(own.dtype)))


def _in_thread(work: Callable[[], T], on_all_cores: bool) -> Future[T]:
    """The result of `work`, from a thread that ends with the process."""
    coming: Future[T] = Future()

    def run() -> None:
        try:
            if on_all_cores:
                use_all_cores()
            coming.set_result(work())
        except BaseException as error:
            coming.set_exception(error)

    threading.Thread(target=run, name="work", daemon=True).start()
    return coming


ALONE = World()
"""A process on its own."""


def join() -> None:
    """Connect to the other processes of the job; MindSpore must be running on its device.

    In the scheduler, this returns only when the job has ended.
    """
    from mindspore.communication import init

    init()


@cache
def world() -> World:
    """The processes that train together; this one alone unless `msrun` has started it."""
    if not started_by_msrun():
        return ALONE
    from mindspore.communication import get_group_size, get_rank

    return World(get_rank(), get_group_size(), int(os.environ.get(LOCAL_RANK, "0")))


@cache
def _all_reduce() -> Any:
    from mindspore import ops

    return ops.AllReduce()
