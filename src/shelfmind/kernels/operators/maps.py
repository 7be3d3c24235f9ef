"""Operations on whole feature maps: conversion, sums, concatenation, means and maxima."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from mindspore import Tensor, nn

from shelfmind.kernels.operators.custom import FLOAT, Shape, floats, like, operator
from shelfmind.kernels.stock import MultiOutput


class ChangeLayout(nn.Cell):
    """Images (N, C, H, W), float32, as feature maps (N, H, W, C) of this type, or feature maps as images."""

    def __init__(self, dtype: Any, to_images: bool) -> None:
        super().__init__()
        ways = operator("maps_of_images", _moved_last, _always(dtype)), operator("images_of_maps", _moved_first, floats)
        self.run, self.back = ways[::-1] if to_images else ways

    def construct(self, features: Tensor) -> Tensor:
        return self.run(features)

    def bprop(self, features: Tensor, out: Tensor, change: Tensor) -> tuple[Tensor]:
        return (self.back(change),)


@functools.cache
def _always(dtype: Any) -> Callable[..., Any]:
    return lambda *_: dtype


def _moved_last(images: Shape) -> Shape:
    return images[0], images[2], images[3], images[1]


def _moved_first(maps: Shape) -> Shape:
    return maps[0], maps[3], maps[1], maps[2]


class Fork(MultiOutput):
    """The same feature maps for several consumers, with summed gradients: MindSpore cannot add bfloat16 on CPUs."""

    def __init__(self, ways: int) -> None:
        super().__init__()
        self.ways = ways
        self.add = operator("sum_of_maps", like(0))

    def construct(self, maps: Tensor) -> tuple[Tensor, ...]:
        return (maps,) * self.ways

    def bprop(self, maps: Tensor, out: tuple[Tensor, ...], change: tuple[Tensor, ...]) -> tuple[Tensor]:
        return (self.add(*change),)


class Concatenate(nn.Cell):
    """A tuple of feature maps, concatenated along the channels."""

    def __init__(self) -> None:
        super().__init__()
        self.run = operator("beside_each_other", _concatenated, like(0))
        self.back = operator("apart_again", _split)

    def construct(self, parts: tuple[Tensor, ...]) -> Tensor:
        return self.run(*parts)

    def bprop(self, parts: tuple[Tensor, ...], out: Tensor, change: Tensor) -> tuple[tuple[Tensor, ...]]:
        return (self.back(change, *parts),)


def _concatenated(*parts: Shape) -> Shape:
    return (*parts[0][:3], sum(part[3] for part in parts))


def _split(whole: Any, *parts: Any) -> Any:
    return parts


class AddScaled(nn.Cell):
    """maps + scale * branch, then `finish`: "" or "_relu"."""

    def __init__(self, scale: float, finish: str) -> None:
        super().__init__()
        self.scale = Tensor([scale], FLOAT)
        self.run = operator(f"residual{finish}", like(0))
        self.back = operator(f"residual{finish}_back", like(0, 0))

    def construct(self, maps: Tensor, branch: Tensor) -> Tensor:
        return self.run(maps, branch, self.scale)

    def bprop(self, maps: Tensor, branch: Tensor, out: Tensor, change: Tensor) -> tuple[Tensor, Tensor]:
        return self.back(out, change, self.scale)


class Mean(nn.Cell):
    """The mean of each channel over all positions: (N, 1, 1, C) if `kept`, else (N, C)."""

    def __init__(self, kept: bool) -> None:
        super().__init__()
        self.run = operator("mean", _squeezed_kept if kept else _squeezed, floats)
        self.back = operator("mean_back", like(1))

    def construct(self, maps: Tensor) -> Tensor:
        return self.run(maps)

    def bprop(self, maps: Tensor, out: Tensor, change: Tensor) -> tuple[Tensor]:
        return (self.back(change, maps),)


class Maximum(nn.Cell):
    """The maximum of each channel over all positions, (N, 1, 1, C)."""

    def __init__(self) -> None:
        super().__init__()
        self.run = operator("maximum", _squeezed_kept, floats)
        self.back = operator("maximum_back", like(0))

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
        self.run = operator("across", _pairs, floats)
        self.back = operator("across_back", like(0))

    def construct(self, maps: Tensor) -> Tensor:
        return self.run(maps)

    def bprop(self, maps: Tensor, out: Tensor, change: Tensor) -> tuple[Tensor]:
        return (self.back(maps, out, change),)


def _pairs(maps: Shape) -> Shape:
    return (*maps[:3], 2)
