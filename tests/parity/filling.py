"""The same made-up weights for two implementations of a network, layer by layer in the order of their definition."""

from __future__ import annotations

from typing import Any

import numpy as np

CLASSES = 16
RESNETS = {
    "resnet18": "resnet18",
    "resnet34": "resnet34",
    "resnet50": "resnet50",
    "resnet101": "resnet101",
    "resnext50": "resnext50_32x4d",
    "se_resnet50": "seresnet50",
    "se_resnext50": "seresnext50_32x4d",
}
"""What timm and MindCV both call our networks."""


def layer_values(number: int, shape: tuple[int, ...], kind: str) -> dict[str, np.ndarray]:
    """Values of the `number`-th layer: ``weighted`` (weight and bias) or ``norm`` (scale, shift, mean, variance).

    `shape` is the weight's, or the norm's channels. Weights keep the variance of what passes through them.
    """
    generator = np.random.default_rng(number)
    if kind == "weighted":
        fan_in = int(np.prod(shape[1:]))
        values = {
            "weight": generator.normal(0, np.sqrt(2 / fan_in), shape),
            "bias": generator.normal(0, 0.1, shape[0]),
        }
    else:
        values = {
            "scale": generator.uniform(0.5, 1.0, shape),
            "shift": generator.normal(0, 0.1, shape),
            "mean": generator.normal(0, 0.1, shape),
            "variance": generator.uniform(0.8, 1.2, shape),
        }
    return {name: value.astype(np.float32) for name, value in values.items()}


def made_up_images(size: int) -> np.ndarray:
    """Two images of shape (3, size, size)."""
    return np.random.default_rng(7).normal(size=(2, 3, size, size)).astype(np.float32)


def fill_mindspore(model: Any) -> None:
    """Set all layers of a MindSpore network in the order of their definition."""
    from mindspore import Tensor, nn

    number = 0
    for _, cell in model.cells_and_names():
        if isinstance(cell, nn.Conv2d | nn.Dense):
            values = layer_values(number, tuple(cell.weight.shape), "weighted")
            cell.weight.set_data(Tensor(values["weight"]))
            if cell.has_bias:
                cell.bias.set_data(Tensor(values["bias"]))
        elif isinstance(cell, nn.BatchNorm2d):
            values = layer_values(number, tuple(cell.gamma.shape), "norm")
            cell.gamma.set_data(Tensor(values["scale"]))
            cell.beta.set_data(Tensor(values["shift"]))
            cell.moving_mean.set_data(Tensor(values["mean"]))
            cell.moving_variance.set_data(Tensor(values["variance"]))
        else:
            continue
        number += 1
