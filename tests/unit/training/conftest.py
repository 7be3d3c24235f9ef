"""A linear classifier with its averaged twin, and its gradients in NumPy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

Slopes = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Linear:
    """Inputs (N, 5) to logits (N, 3): `model`, `averaged`, and what is fed to them."""

    model: Any
    averaged: Any
    tensor: Callable[[np.ndarray], Any]

    def values(self) -> Slopes:
        """Copies of weight and bias, in float64."""
        return tuple(p.asnumpy().astype(np.float64) for p in (self.model.dense.weight, self.model.dense.bias))

    def slopes(self, images: np.ndarray, targets: np.ndarray) -> Slopes:
        """Gradients of the mean cross entropy by weight and bias."""
        weight, bias = self.values()
        logits = images @ weight.T + bias
        powers = np.exp(logits - logits.max(1, keepdims=True))
        difference = (powers / powers.sum(1, keepdims=True) - targets) / len(images)
        return difference.T @ images, difference.sum(0)


def batch(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Images (6, 5) and one-hot targets (6, 3)."""
    generator = np.random.default_rng(seed)
    images = generator.normal(size=(6, 5)).astype(np.float32)
    return images, np.eye(3, dtype=np.float32)[generator.integers(3, size=6)]


@pytest.fixture
def batches() -> list[tuple[np.ndarray, np.ndarray]]:
    """Five batches."""
    return [batch(seed) for seed in range(5)]


@pytest.fixture
def linear(mindspore: Any) -> Linear:
    """A linear model with random weight and bias."""
    from mindspore import nn

    class LinearModel(nn.Cell):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            generator = np.random.default_rng(0)
            weight, bias = (generator.normal(size=shape).astype(np.float32) for shape in ((3, 5), 3))
            self.dense = nn.Dense(5, 3, mindspore.Tensor(weight), mindspore.Tensor(bias))

        def construct(self, inputs: Any) -> Any:
            return self.dense(inputs), inputs

    model, averaged = LinearModel(), LinearModel()
    averaged.update_parameters_name("averaged.")
    return Linear(model, averaged, mindspore.Tensor)
