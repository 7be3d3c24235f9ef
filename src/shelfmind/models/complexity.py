"""The cost of a network: multiply-adds, parameters and shapes, stage by stage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from mindspore import Tensor, nn

from shelfmind.models.network import eagerly


@dataclass(frozen=True)
class Part:
    """A stage of a network: its name, its output shape for one image, its trainable parameters, and its billions of
    multiply-adds, counted as in papers (a multiply-add is one operation)."""

    name: str
    output: tuple[int, ...]
    parameters: int
    gflops: float


def parts(model: nn.Cell, image_size: int = 224) -> list[Part]:
    """The stem, the stages and the head, for one image of this size."""
    outputs: dict[str, tuple[int, ...]] = {}
    multiply_adds: dict[str, int] = {}
    handles = []

    def record(name: str, cell: nn.Cell) -> Any:
        def hook(_: nn.Cell, inputs: Any, output: Any) -> None:
            shape = tuple(output[0].shape[1:] if isinstance(output, tuple) else output.shape[1:])
            if name == _part_of(name):
                outputs[name] = shape
            if isinstance(cell, nn.Conv2d | nn.Dense):
                positions = int(np.prod(shape[1:])) if isinstance(cell, nn.Conv2d) else 1
                part = _part_of(name)
                multiply_adds[part] = multiply_adds.get(part, 0) + positions * int(cell.weight.size)

        return hook

    for name, cell in model.cells_and_names():
        if name:
            handles.append(cell.register_forward_hook(record(name, cell)))
    try:
        with eagerly():  # hooks do not run in graph mode
            model.set_train(False)
            model(Tensor(np.zeros((1, 3, image_size, image_size), np.float32)))
    finally:
        for handle in handles:
            handle.remove()
    sizes: dict[str, int] = {}
    for parameter in model.trainable_params():
        part = _part_of(parameter.name)
        sizes[part] = sizes.get(part, 0) + int(parameter.size)
    return [
        Part(name, shape, sizes.get(name, 0), multiply_adds.get(name, 0) / 1e9)
        for name, shape in outputs.items()
        if name not in ("stages", "features", "mean")
    ]


def gflops(model: nn.Cell, image_size: int = 224) -> float:
    """Billions of multiply-adds of one image."""
    return sum(part.gflops for part in parts(model, image_size))


def _part_of(name: str) -> str:
    first, _, rest = name.partition(".")
    return f"{first}.{rest.partition('.')[0]}" if first in ("stages", "features") and rest else first
