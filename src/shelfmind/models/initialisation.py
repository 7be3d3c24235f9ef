"""Initialises a network's weights from a seed, identically on every device and framework version."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from mindspore import Parameter, Tensor, nn

from shelfmind.models.blocks import ResidualBlock
from shelfmind.models.heads import CosineClassifier, SubCentreClassifier


def initialise(model: nn.Cell, seed: int) -> None:
    """He-normal convolutions by fan-out (He et al., ICCV 2015), a classifier with small normal weights, zero biases.

    The last normalisation of each residual branch is initialised to 0, so that every block starts as the identity
    (Goyal et al., "Accurate, Large Minibatch SGD", 2017, section 5.1).
    """
    generator = np.random.default_rng(seed)
    for _, cell in model.cells_and_names():
        if isinstance(cell, nn.Conv2d):
            shape = cell.weight.shape
            fan_out = shape[0] * shape[2] * shape[3] // cell.group
            _fill(cell.weight, generator.normal(0.0, np.sqrt(2.0 / fan_out), shape))
            if cell.has_bias:
                _fill(cell.bias, np.zeros(cell.bias.shape))
        elif isinstance(cell, nn.Dense):
            _fill(cell.weight, generator.normal(0.0, 0.01, cell.weight.shape))
            if cell.has_bias:
                _fill(cell.bias, np.zeros(cell.bias.shape))
        elif isinstance(cell, (CosineClassifier, SubCentreClassifier)):
            _fill(cell.weight, generator.normal(0.0, 1.0, cell.weight.shape))
    for _, cell in model.cells_and_names():
        if isinstance(cell, ResidualBlock):
            last = [norm for _, norm in cell.branch.cells_and_names() if isinstance(norm, nn.BatchNorm2d)][-1].gamma
            _fill(last, np.zeros(last.shape))


def initialise_dense(cells: Sequence[nn.Cell], seed: int) -> None:
    """He-normal weights by fan-in and zero biases for all dense layers within `cells`."""
    generator = np.random.default_rng((seed, 1))
    for cell in cells:
        for _, layer in cell.cells_and_names():
            if isinstance(layer, nn.Dense):
                _fill(layer.weight, generator.normal(0.0, np.sqrt(2.0 / layer.in_channels), layer.weight.shape))
                if layer.has_bias:
                    _fill(layer.bias, np.zeros(layer.bias.shape))


def _fill(parameter: Parameter, values: npt.NDArray[np.float64]) -> None:
    parameter.set_data(Tensor(values.astype(np.float32)))
