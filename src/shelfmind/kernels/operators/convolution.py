"""Convolutions."""

from __future__ import annotations

import functools
from collections.abc import Callable

from mindspore import Tensor, nn

from shelfmind.kernels.operators.custom import Shape, Window, like, operator


class Convolve(nn.Cell):
    """Convolution without bias: feature maps (N, H, W, C) and weights (O, C / groups, h, w) to (N, H', W', O)."""

    def __init__(self, window: Window) -> None:
        super().__init__()
        self.window = window.numbers(window.dilation)
        self.run = operator("convolution", convolved(window), like(0))
        self.of_input = operator("convolution_of_input", like(-1))
        self.of_weights = operator("convolution_of_weights", like(-1))

    def construct(self, maps: Tensor, weights: Tensor) -> Tensor:
        return self.run(maps, weights, self.window)

    def bprop(self, maps: Tensor, weights: Tensor, out: Tensor, change: Tensor) -> tuple[Tensor, Tensor]:
        of_maps = self.of_input(change, weights, self.window, maps)
        return of_maps, self.of_weights(maps, change, self.window, weights)


class ConvolveWithBias(nn.Cell):
    """Convolution with a bias (O,)."""

    def __init__(self, window: Window) -> None:
        super().__init__()
        self.window = window.numbers(window.dilation)
        self.run = operator("convolution_with_bias", convolved(window), like(0))
        self.of_input = operator("convolution_of_input", like(-1))
        self.of_weights = operator("convolution_of_weights_and_bias", _weights_and_bias, like(3, 3))

    def construct(self, maps: Tensor, weights: Tensor, bias: Tensor) -> Tensor:
        return self.run(maps, weights, bias, self.window)

    def bprop(self, maps: Tensor, weights: Tensor, bias: Tensor, out: Tensor, change: Tensor) -> tuple[Tensor, ...]:
        of_maps = self.of_input(change, weights, self.window, maps)
        of_weights, of_bias = self.of_weights(maps, change, self.window, weights)
        return of_maps, of_weights, of_bias


@functools.cache
def convolved(window: Window) -> Callable[..., Shape]:
    """The shape of the result, from the shapes of feature maps and weights."""
    return lambda maps, weights, *_: (maps[0], *window.results(maps[1], maps[2]), weights[0])


def _weights_and_bias(maps: Shape, change: Shape, window: Shape, weights: Shape) -> Shape:
    return weights, (weights[0],)
