"""The processes of a data-parallel job, started by MindSpore's `msrun`, and what they exchange."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from shelfmind.arrays import Floats
from shelfmind.machine.job import LOCAL_RANK, started_by_msrun

if TYPE_CHECKING:
    from mindspore import Parameter


_PIECE = 2**20
"""Bytes of a text that are exchanged at a time: each takes four in a float32."""


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

    def wait(self) -> None:
        """Wait until all processes are here."""
        self.sum(np.zeros(1, np.float32))

    def broadcast(self, parameters: Sequence[Parameter]) -> None:
        """Give all processes the leader's values of the parameters."""
        if self.size == 1:
            return
        from mindspore import Tensor

        for parameter in parameters:
            own = parameter.asnumpy()
            values = self.sum(own.astype(np.float32) if self.leads else np.zeros(own.shape, np.float32))
            parameter.set_data(Tensor(values.astype(own.dtype)))


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
