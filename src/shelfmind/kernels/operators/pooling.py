"""Pooling."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import mindspore
from mindspore import Tensor, nn

from shelfmind.kernels.operators.custom import Shape, Window, like, operator
from shelfmind.kernels.stock import MultiOutput


class PoolMaximum(MultiOutput):
    """Max pooling, and the positions of the maxima."""

    def __init__(self, window: Window) -> None:
        super().__init__()
        self.window = window.numbers(window.kernel)
        self.run = operator("pool_maximum", _pooled_twice(window), _with_positions)
        self.back = operator("pool_maximum_back", like(-1))

    def construct(self, maps: Tensor) -> tuple[Tensor, Tensor]:
        return self.run(maps, self.window)

    def bprop(self, maps: Tensor, out: tuple[Tensor, Tensor], change: tuple[Tensor, Tensor]) -> tuple[Tensor]:
        return (self.back(change[0], out[1], self.window, maps),)


class PoolMean(nn.Cell):
    """Average pooling over the part of each window within the feature map."""

    def __init__(self, window: Window) -> None:
        super().__init__()
        self.window = window.numbers(window.kernel)
        self.run = operator("pool_mean", _pooled(window), like(0))
        self.back = operator("pool_mean_back", like(-1))

    def construct(self, maps: Tensor) -> Tensor:
        return self.run(maps, self.window)

    def bprop(self, maps: Tensor, out: Tensor, change: Tensor) -> tuple[Tensor]:
        return (self.back(change, self.window, maps),)


@functools.cache
def _pooled(window: Window) -> Callable[..., Shape]:
    return lambda maps, *_: (maps[0], *window.results(maps[1], maps[2]), maps[3])


@functools.cache
def _pooled_twice(window: Window) -> Callable[..., Shape]:
    return lambda maps, *_: (_pooled(window)(maps), _pooled(window)(maps))


def _with_positions(maps: Any, *_: Any) -> Any:
    return maps, mindspore.uint8
