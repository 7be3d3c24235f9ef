"""Inference-only convolutions: weights are reordered once, with batch normalisation folded into them."""

from __future__ import annotations

import ctypes
import itertools
import weakref

import mindspore
from mindspore import Tensor, nn

from shelfmind.kernels.operators.convolution import convolved
from shelfmind.kernels.operators.custom import Window, library_path, like, operator

_numbers = itertools.count()


class Fixed(nn.Cell):
    """Resources kept in the library for one convolution, for the lifetime of this object."""

    def __init__(self, window: Window) -> None:
        super().__init__()
        number = next(_numbers)
        self.window = window.numbers(window.dilation)
        self.number = Tensor([number], mindspore.int64)
        forget = ctypes.CDLL(str(library_path())).shelfmind_forget
        weakref.finalize(self, forget, ctypes.c_int64(number)).atexit = False


class ConvolveFixed(Fixed):
    """`Convolve`, or `ConvolveWithBias`, with constant weights."""

    def __init__(self, window: Window) -> None:
        super().__init__(window)
        self.run = operator("fixed_convolution", convolved(window), like(0))
        self.run_with_bias = operator("fixed_convolution_with_bias", convolved(window), like(0))

    def construct(self, maps: Tensor, weights: Tensor, bias: Tensor | None = None) -> Tensor:
        if bias is None:
            return self.run(maps, weights, self.window, self.number)
        return self.run_with_bias(maps, weights, bias, self.window, self.number)


class ConvolveAndNormalise(Fixed):
    """Fused convolution and batch normalisation, then `finish`: "" or "_relu"; if given a second input, adds it and
    applies ReLU."""

    def __init__(self, window: Window, epsilon: float, finish: str) -> None:
        super().__init__(window)
        self.settings = Tensor([epsilon], mindspore.float32)
        self.run = operator(f"folded_convolution{finish}", convolved(window), like(0))
        self.run_and_add = operator("folded_convolution_add_relu", convolved(window), like(0))

    def construct(
        self,
        maps: Tensor,
        weights: Tensor,
        gamma: Tensor,
        beta: Tensor,
        mean: Tensor,
        variance: Tensor,
        added: Tensor | None = None,
    ) -> Tensor:
        given = weights, gamma, beta, mean, variance, self.settings, self.window, self.number
        if added is None:
            return self.run(maps, *given)
        return self.run_and_add(maps, *given, added)
