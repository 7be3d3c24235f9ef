"""Calls functions of the compiled library from MindSpore."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mindspore
from mindspore import Tensor, ops

Shape = Any
"""The shape of a tensor, or a tuple of shapes for several outputs, as required by MindSpore's shape inference."""
FLOAT = mindspore.float32
_path: list[Path] = []


def use_library(path: Path) -> None:
    """Use the operators of this file from now on."""
    _path[:] = [path]


def library_path() -> Path:
    """The library file."""
    return _path[0]


def function(name: str) -> str:
    """A function of the library in the format of `ops.Custom`."""
    return f"{library_path()}:{name}"


@functools.cache
def operator(name: str, shape: Callable[..., Shape], dtype: Callable[..., Any] | None = None) -> Any:
    """The operator of this name; `shape` and `dtype` compute the outputs' from those of the inputs; None: the same."""
    return ops.Custom(function(name), shape, dtype or shape, "aot")


@functools.cache
def like(*inputs: int) -> Callable[..., Any]:
    """Each output is like the input with this index."""
    if len(inputs) == 1:
        return lambda *given: given[inputs[0]]
    return lambda *given: tuple(given[number] for number in inputs)


def floats(*_: Any) -> Any:
    """The output is float32."""
    return FLOAT


@dataclass(frozen=True)
class Window:
    """How a kernel moves over a feature map; `padding` is top, bottom, left, right, or None for ceil(size / stride)
    results, with the larger part at the end."""

    kernel: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int, int, int] | None = (0, 0, 0, 0)
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1

    def results(self, height: int, width: int) -> tuple[int, int]:
        """Height and width of the result."""
        if self.padding is None:
            return -(-height // self.stride[0]), -(-width // self.stride[1])
        top, bottom, left, right = self.padding
        reach = [(kernel - 1) * step for kernel, step in zip(self.kernel, self.dilation, strict=True)]
        rows = (height + top + bottom - reach[0] - 1) // self.stride[0] + 1
        return rows, (width + left + right - reach[1] - 1) // self.stride[1] + 1

    def numbers(self, last: tuple[int, int]) -> Tensor:
        """The encoding read by the operators."""
        padding = (-1, -1, -1, -1) if self.padding is None else self.padding
        return Tensor([*self.stride, *padding, *last, self.groups], mindspore.int64)
