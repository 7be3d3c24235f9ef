"""The compiled operators as MindSpore's, each with its gradient.

Maps are (N, H, W, C), float32 or bfloat16; parameters, statistics and what is of a whole image or position are float32.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mindspore
from mindspore import Tensor, nn, ops

from shelfmind.kernels.stock import Several

Shape = Any
"""Of a tensor, or a tuple of them for several outputs, as MindSpore's inference wants them."""
_FLOAT = mindspore.float32
_path: list[Path] = []


def use_library(path: Path) -> None:
    """Take the operators from this file from now on."""
    _path[:] = [path]


@dataclass(frozen=True)
class Window:
    """How a kernel moves over a map; `padding` is top, bottom, left, right, or None for as much as ceil(size / stride)
    results need, more of it at the far side."""

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
        """As the operators read it."""
        padding = (-1, -1, -1, -1) if self.padding is None else self.padding
        return Tensor([*self.stride, *padding, *last, self.groups], mindspore.int64)


@functools.cache
def operator(name: str, shape: Callable[..., Shape], dtype: Callable[..., Any]) -> Any:
    """The operator of this name; `shape` and `dtype` say its outputs' from those of its inputs."""
    return ops.Custom(f"{_path[0]}:{name}", shape, dtype, "aot")


def _first(first: Any, *_: Any) -> Any:
    return first


def _second(_: Any, second: Any, *__: Any) -> Any:
    return second


def _last(*inputs: Any) -> Any:
    return inputs[-1]


def _float(*_: Any) -> Any:
    return _FLOAT


class Convolve(nn.Cell):
    """Convolution without bias: maps (N, H, W, C) and weights (O, C / groups, h, w) to (N, H', W', O)."""

    def __init__(self, window: Window) -> None:
        super().__init__()
        self.window = window.numbers(window.dilation)
        self.run = operator("convolution", _convolved(window), _first)
        self.of_input = operator("convolution_of_input", _last, _last)
        self.of_weights = operator("convolution_of_weights", _last, _last)

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
        self.run = operator("convolution_with_bias", _convolved(window), _first)
        self.of_input = operator("convolution_of_input", _last, _last)
        self.of_weights = operator("convolution_of_weights_and_bias", _weights_and_bias, _two_floats)

    def construct(self, maps: Tensor, weights: Tensor, bias: Tensor) -> Tensor:
        return self.run(maps, weights, bias, self.window)

    def bprop(self, maps: Tensor, weights: Tensor, bias: Tensor, out: Tensor, change: Tensor) -> tuple[Tensor, ...]:
        of_maps = self.of_input(change, weights, self.window, maps)
        of_weights, of_bias = self.of_weights(maps, change, self.window, weights)
        return of_maps, of_weights, of_bias


@functools.cache
def _convolved(window: Window) -> Callable[..., Shape]:
    return lambda maps, weights, *_: (maps[0], *window.results(maps[1], maps[2]), weights[0])


def _weights_and_bias(maps: Shape, change: Shape, window: Shape, weights: Shape) -> Shape:
    return weights, (weights[0],)


def _two_floats(*_: Any) -> Any:
    return _FLOAT, _FLOAT


class Normalise(Several):
    """Batch normalisation, then `finish`: "" or "_relu".

    Gives the maps, what they were normalised with, and in training the moving mean and variance as they shall be. The
    settings are epsilon and the share of a moving statistic that is kept.
    """

    def __init__(self, finish: str, training: bool) -> None:
        super().__init__()
        name = f"{'' if training else 'fixed_'}norm{finish}"
        self.run = operator(name, _trained if training else _fixed, _trained_types if training else _fixed_types)
        self.back = operator(f"{name}_back", _like_three, _like_three_types)

    def construct(
        self, maps: Tensor, gamma: Tensor, beta: Tensor, mean: Tensor, variance: Tensor, settings: Tensor
    ) -> tuple[Tensor, ...]:
        return self.run(maps, gamma, beta, mean, variance, settings)

    def bprop(
        self,
        maps: Tensor,
        gamma: Tensor,
        beta: Tensor,
        mean: Tensor,
        variance: Tensor,
        settings: Tensor,
        out: tuple[Tensor, ...],
        change: tuple[Tensor, ...],
    ) -> tuple[Tensor, ...]:
        of_maps, of_gamma, of_beta = self.back(maps, change[0], gamma, beta, out[1])
        return of_maps, of_gamma, of_beta, ops.zeros_like(mean), ops.zeros_like(variance), ops.zeros_like(settings)


class NormaliseAndAdd(Several):
    """Batch normalisation, addition of other maps, ReLU."""

    def __init__(self, training: bool) -> None:
        super().__init__()
        name = f"{'' if training else 'fixed_'}norm_add_relu"
        self.run = operator(name, _trained if training else _fixed, _trained_types if training else _fixed_types)
        self.back = operator(f"{name}_back", _like_four, _like_four_types)

    def construct(
        self, maps: Tensor, gamma: Tensor, beta: Tensor, mean: Tensor, variance: Tensor, settings: Tensor, added: Tensor
    ) -> tuple[Tensor, ...]:
        return self.run(maps, gamma, beta, mean, variance, settings, added)

    def bprop(
        self,
        maps: Tensor,
        gamma: Tensor,
        beta: Tensor,
        mean: Tensor,
        variance: Tensor,
        settings: Tensor,
        added: Tensor,
        out: tuple[Tensor, ...],
        change: tuple[Tensor, ...],
    ) -> tuple[Tensor, ...]:
        of_maps, of_gamma, of_beta, of_added = self.back(maps, change[0], gamma, beta, out[1], out[0])
        none = ops.zeros_like(mean), ops.zeros_like(variance), ops.zeros_like(settings)
        return of_maps, of_gamma, of_beta, *none, of_added


def _trained(maps: Shape, *_: Shape) -> Shape:
    channels = maps[-1]
    return maps, (2, channels), (channels,), (channels,)


def _trained_types(maps: Any, *_: Any) -> Any:
    return maps, _FLOAT, _FLOAT, _FLOAT


def _fixed(maps: Shape, *_: Shape) -> Shape:
    return maps, (2, maps[-1])


def _fixed_types(maps: Any, *_: Any) -> Any:
    return maps, _FLOAT


def _like_three(maps: Shape, change: Shape, gamma: Shape, *_: Shape) -> Shape:
    return maps, gamma, gamma


def _like_three_types(maps: Any, *_: Any) -> Any:
    return maps, _FLOAT, _FLOAT


def _like_four(maps: Shape, change: Shape, gamma: Shape, *_: Shape) -> Shape:
    return maps, gamma, gamma, maps


def _like_four_types(maps: Any, *_: Any) -> Any:
    return maps, _FLOAT, _FLOAT, maps


class PoolMaximum(Several):
    """Maxima of windows, and where they were."""

    def __init__(self, window: Window) -> None:
        super().__init__()
        self.window = window.numbers(window.kernel)
        self.run = operator("pool_maximum", _pooled_twice(window), _with_places)
        self.back = operator("pool_maximum_back", _last, _last)

    def construct(self, maps: Tensor) -> tuple[Tensor, Tensor]:
        return self.run(maps, self.window)

    def bprop(self, maps: Tensor, out: tuple[Tensor, Tensor], change: tuple[Tensor, Tensor]) -> tuple[Tensor]:
        return (self.back(change[0], out[1], self.window, maps),)


class PoolMean(nn.Cell):
    """Means of what of each window lies within the map."""

    def __init__(self, window: Window) -> None:
        super().__init__()
        self.window = window.numbers(window.kernel)
        self.run = operator("pool_mean", _pooled(window), _first)
        self.back = operator("pool_mean_back", _last, _last)

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


def _with_places(maps: Any, *_: Any) -> Any:
    return maps, mindspore.uint8


class MapsOfImages(nn.Cell):
    """Images (N, C, H, W), float32, as maps (N, H, W, C) of this type."""

    def __init__(self, dtype: Any) -> None:
        super().__init__()
        self.run = operator("maps_of_images", _moved_last, _always(dtype))
        self.back = operator("images_of_maps", _moved_first, _float)

    def construct(self, images: Tensor) -> Tensor:
        return self.run(images)

    def bprop(self, images: Tensor, out: Tensor, change: Tensor) -> tuple[Tensor]:
        return (self.back(change),)


class ImagesOfMaps(nn.Cell):
    """Maps (N, H, W, C) of this type as (N, C, H, W), float32."""

    def __init__(self, dtype: Any) -> None:
        super().__init__()
        self.run = operator("images_of_maps", _moved_first, _float)
        self.back = operator("maps_of_images", _moved_last, _always(dtype))

    def construct(self, maps: Tensor) -> Tensor:
        return self.run(maps)

    def bprop(self, maps: Tensor, out: Tensor, change: Tensor) -> tuple[Tensor]:
        return (self.back(change),)


@functools.cache
def _always(dtype: Any) -> Callable[..., Any]:
    return lambda *_: dtype


def _moved_last(images: Shape) -> Shape:
    return images[0], images[2], images[3], images[1]


def _moved_first(maps: Shape) -> Shape:
    return maps[0], maps[3], maps[1], maps[2]


class Fork(Several):
    """The same maps for several readers, whose gradients are added up: MindSpore cannot add bfloat16 on CPUs."""

    def __init__(self, ways: int) -> None:
        super().__init__()
        self.ways = ways
        self.add = operator("sum_of_maps", _first, _first)

    def construct(self, maps: Tensor) -> tuple[Tensor, ...]:
        return (maps,) * self.ways

    def bprop(self, maps: Tensor, out: tuple[Tensor, ...], change: tuple[Tensor, ...]) -> tuple[Tensor]:
        return (self.add(*change),)


class Concatenate(nn.Cell):
    """Maps beside each other along the channels, out of a tuple."""

    def __init__(self) -> None:
        super().__init__()
        self.run = operator("beside_each_other", _beside, _first)
        self.back = operator("apart_again", _apart, _apart)

    def construct(self, parts: tuple[Tensor, ...]) -> Tensor:
        return self.run(*parts)

    def bprop(self, parts: tuple[Tensor, ...], out: Tensor, change: Tensor) -> tuple[tuple[Tensor, ...]]:
        return (self.back(change, *parts),)


def _beside(*parts: Shape) -> Shape:
    return (*parts[0][:3], sum(part[3] for part in parts))


def _apart(whole: Any, *parts: Any) -> Any:
    return parts


class AddScaled(nn.Cell):
    """maps + scale * branch, then `finish`: "" or "_relu"."""

    def __init__(self, scale: float, finish: str) -> None:
        super().__init__()
        self.scale = Tensor([scale], _FLOAT)
        self.run = operator(f"residual{finish}", _first, _first)
        self.back = operator(f"residual{finish}_back", _first_twice, _first_twice)

    def construct(self, maps: Tensor, branch: Tensor) -> Tensor:
        return self.run(maps, branch, self.scale)

    def bprop(self, maps: Tensor, branch: Tensor, out: Tensor, change: Tensor) -> tuple[Tensor, ...]:
        of_maps, of_branch = self.back(out, change, self.scale)
        return of_maps, of_branch


def _first_twice(first: Any, *_: Any) -> Any:
    return first, first


class Mean(nn.Cell):
    """The mean of each channel over all positions: (N, 1, 1, C) if `kept`, else (N, C)."""

    def __init__(self, kept: bool) -> None:
        super().__init__()
        self.run = operator("mean", _squeezed_kept if kept else _squeezed, _float)
        self.back = operator("mean_back", _second, _second)

    def construct(self, maps: Tensor) -> Tensor:
        return self.run(maps)

    def bprop(self, maps: Tensor, out: Tensor, change: Tensor) -> tuple[Tensor]:
        return (self.back(change, maps),)


class Maximum(nn.Cell):
    """The maximum of each channel over all positions, (N, 1, 1, C)."""

    def __init__(self) -> None:
        super().__init__()
        self.run = operator("maximum", _squeezed_kept, _float)
        self.back = operator("maximum_back", _first, _first)

    def construct(self, maps: Tensor) -> Tensor:
        return self.run(maps)

    def bprop(self, maps: Tensor, out: Tensor, change: Tensor) -> tuple[Tensor]:
        return (self.back(maps, out, change),)


def _squeezed(maps: Shape) -> Shape:
    return maps[0], maps[3]


def _squeezed_kept(maps: Shape) -> Shape:
    return maps[0], 1, 1, maps[3]


class AcrossChannels(nn.Cell):
    """The maximum and the mean of all channels at each position, (N, H, W, 2)."""

    def __init__(self) -> None:
        super().__init__()
        self.run = operator("across", _pairs, _float)
        self.back = operator("across_back", _first, _first)

    def construct(self, maps: Tensor) -> Tensor:
        return self.run(maps)

    def bprop(self, maps: Tensor, out: Tensor, change: Tensor) -> tuple[Tensor]:
        return (self.back(maps, out, change),)


def _pairs(maps: Shape) -> Shape:
    return (*maps[:3], 2)


class Gate(nn.Cell):
    """maps * sigmoid(logits) with logits of "channels" (N, 1, 1, C) or of "positions" (N, H, W, 1)."""

    def __init__(self, of: str) -> None:
        super().__init__()
        self.run = operator(f"gate_{of}", _first, _first)
        self.back = operator(f"gate_{of}_back", _first_two, _maps_and_float)

    def construct(self, maps: Tensor, logits: Tensor) -> Tensor:
        return self.run(maps, logits)

    def bprop(self, maps: Tensor, logits: Tensor, out: Tensor, change: Tensor) -> tuple[Tensor, ...]:
        of_maps, of_logits = self.back(maps, logits, change)
        return of_maps, of_logits


class GateAndAdd(nn.Cell):
    """ReLU(maps * sigmoid(logits) + added)."""

    def __init__(self, of: str) -> None:
        super().__init__()
        self.run = operator(f"gate_{of}_add_relu", _first, _first)
        self.back = operator(f"gate_{of}_add_relu_back", _first_two_and_first, _maps_float_maps)

    def construct(self, maps: Tensor, logits: Tensor, added: Tensor) -> Tensor:
        return self.run(maps, logits, added)

    def bprop(self, maps: Tensor, logits: Tensor, added: Tensor, out: Tensor, change: Tensor) -> tuple[Tensor, ...]:
        of_maps, of_logits, of_added = self.back(maps, logits, change, out)
        return of_maps, of_logits, of_added


class GateByBoth(nn.Cell):
    """maps + maps * sigmoid(channel logits (N, 1, 1, C) + position logits (N, H, W, 1))."""

    def __init__(self) -> None:
        super().__init__()
        self.run = operator("gate_both", _first, _first)
        self.back = operator("gate_both_back", _first_three, _maps_and_floats)

    def construct(self, maps: Tensor, channels: Tensor, positions: Tensor) -> Tensor:
        return self.run(maps, channels, positions)

    def bprop(
        self, maps: Tensor, channels: Tensor, positions: Tensor, out: Tensor, change: Tensor
    ) -> tuple[Tensor, ...]:
        of_maps, of_channels, of_positions = self.back(maps, channels, positions, change)
        return of_maps, of_channels, of_positions


def _first_two(maps: Any, logits: Any, *_: Any) -> Any:
    return maps, logits


def _first_two_and_first(maps: Any, logits: Any, *_: Any) -> Any:
    return maps, logits, maps


def _first_three(maps: Any, channels: Any, positions: Any, *_: Any) -> Any:
    return maps, channels, positions


def _maps_and_float(maps: Any, *_: Any) -> Any:
    return maps, _FLOAT


def _maps_float_maps(maps: Any, *_: Any) -> Any:
    return maps, _FLOAT, maps


def _maps_and_floats(maps: Any, *_: Any) -> Any:
    return maps, _FLOAT, _FLOAT
