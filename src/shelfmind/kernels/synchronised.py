"""Batch normalisation over the images of all processes."""

from __future__ import annotations

import copy
from functools import partial

import mindspore
from mindspore import Tensor, nn, ops

from shelfmind.kernels.stock import KEPT, Kernels


class SynchronisedNorm(nn.BatchNorm2d):
    """Batch normalisation by mean and variance of the whole batch, of which each of `processes` has an equal part.

    Computes in float32. Same parameters as `Kernels.norm`. The moving variance is unbiased, as MindSpore's.
    """

    def __init__(
        self, channels: int, epsilon: float, activate: bool, *, processes: int, channels_last: bool = False
    ) -> None:
        super().__init__(channels, eps=epsilon)
        self.epsilon = epsilon
        self.activate = activate
        self.processes = processes
        self.axes = (0, 1, 2) if channels_last else (0, 2, 3)
        self.shape = (1, 1, 1, channels) if channels_last else (1, channels, 1, 1)
        self.total = ops.AllReduce()

    def construct(self, features: Tensor, added: Tensor | None = None) -> Tensor:
        maps = features.astype(mindspore.float32)
        if self.training:
            mean = self.total(ops.mean(maps, self.axes)) / self.processes
            centred = maps - mean.reshape(self.shape)
            variance = self.total(ops.mean(centred * centred, self.axes)) / self.processes
            images = maps.size // mean.size * self.processes
            unbiased = ops.stop_gradient(variance) * (images / max(images - 1, 1))
            ops.assign(self.moving_mean, KEPT * self.moving_mean + (1 - KEPT) * ops.stop_gradient(mean))
            ops.assign(self.moving_variance, KEPT * self.moving_variance + (1 - KEPT) * unbiased)
        else:
            centred = maps - self.moving_mean.reshape(self.shape)
            variance = self.moving_variance
        scale = self.gamma * ops.rsqrt(variance + self.epsilon)
        normalised = centred * scale.reshape(self.shape) + self.beta.reshape(self.shape)
        if added is not None:
            normalised = ops.relu(normalised + added.astype(mindspore.float32))
        elif self.activate:
            normalised = ops.relu(normalised)
        typed: Tensor = normalised.astype(features.dtype)
        return typed


def synchronised(kernels: Kernels, processes: int) -> Kernels:
    """The same kernels with `SynchronisedNorm`; unchanged for a single process, which has the whole batch."""
    if processes == 1:
        return kernels
    changed = copy.copy(kernels)
    changed.norm_type = partial(SynchronisedNorm, processes=processes, channels_last=kernels.channels_last)
    return changed
