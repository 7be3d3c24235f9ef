"""Attention gates that re-weight feature maps: at the end of a residual branch, or between two stages.

Feature maps are in the layout of the kernels, (N, C, H, W) for MindSpore's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from mindspore import Tensor, nn, ops

from shelfmind.kernels.stock import STOCK, Kernels


class SqueezeExcitation(nn.Cell):
    """Channel gate of Hu et al., "Squeeze-and-Excitation Networks" (CVPR 2018), equations 2 to 4.

    The two fully connected layers are 1x1 convolutions with kept dimensions, so that an exported graph keeps a dynamic
    batch size. If given a second input, adds it and applies ReLU.
    """

    def __init__(self, channels: int, reduction: int = 16, kernels: Kernels = STOCK) -> None:
        super().__init__()
        squeezed = max(8, channels // reduction)
        self.fork = kernels.fork()
        self.mean = kernels.mean()
        self.reduce = kernels.convolution(channels, squeezed, 1, bias=True)
        self.expand = kernels.convolution(squeezed, channels, 1, bias=True)
        self.gate = kernels.gate("channels")

    def construct(self, features: Tensor, added: Tensor | None = None) -> Tensor:
        features, squeezed = self.fork(features)
        logits = self.expand(ops.relu(self.reduce(self.mean(squeezed))))
        return self.gate(features, logits, added)


class ConvolutionalBlockAttention(nn.Cell):
    """CBAM: a channel gate, then a spatial one (Woo et al., ECCV 2018, equations 1 to 3).

    The channel gate shares its two layers between the mean and the maximum; the spatial gate is a normalised 7x7
    convolution of the maximum and the mean over the channels, in this order. If given a second input, adds it and
    applies ReLU.
    """

    def __init__(self, channels: int, reduction: int = 16, kernel: int = 7, kernels: Kernels = STOCK) -> None:
        super().__init__()
        squeezed = max(1, channels // reduction)
        self.fork_for_channels = kernels.fork(3)
        self.mean = kernels.mean()
        self.maximum = kernels.maximum()
        self.reduce = kernels.convolution(channels, squeezed, 1, bias=True)
        self.expand = kernels.convolution(squeezed, channels, 1, bias=True)
        self.gate_channels = kernels.gate("channels")
        self.fork_for_positions = kernels.fork()
        self.across = kernels.across_channels()
        self.spatial = kernels.convolution(2, 1, kernel, padding=kernel // 2)
        self.norm = kernels.norm(1)
        self.gate_positions = kernels.gate("positions")

    def construct(self, features: Tensor, added: Tensor | None = None) -> Tensor:
        features, for_mean, for_maximum = self.fork_for_channels(features)
        mean = self.expand(ops.relu(self.reduce(self.mean(for_mean))))
        greatest = self.expand(ops.relu(self.reduce(self.maximum(for_maximum))))
        features, pooled = self.fork_for_positions(self.gate_channels(features, mean + greatest))
        return self.gate_positions(features, self.norm(self.spatial(self.across(pooled))), added)


class BottleneckAttention(nn.Cell):
    """BAM: F + F * sigmoid(Mc(F) + Ms(F)) (Park et al., BMVC 2018, equations 1 to 4).

    Mc is the mean of each channel through two layers, Ms a 1x1, two dilated 3x3 and a 1x1 convolution to one channel.
    The authors' later code multiplies the two instead of adding them; this follows the paper.
    """

    def __init__(self, channels: int, reduction: int = 16, dilation: int = 4, kernels: Kernels = STOCK) -> None:
        super().__init__()
        squeezed = max(1, channels // reduction)
        self.fork = kernels.fork(3)
        self.mean = kernels.mean()
        self.channel = nn.SequentialCell(
            [
                kernels.convolution(channels, squeezed, 1, bias=True),
                kernels.norm(squeezed),
                nn.ReLU(),
                kernels.convolution(squeezed, channels, 1, bias=True),
            ]
        )
        layers: list[nn.Cell] = [kernels.convolution(channels, squeezed, 1, bias=True)]
        for _ in range(2):
            dilated = kernels.convolution(squeezed, squeezed, 3, padding=dilation, dilation=dilation, bias=True)
            layers += [kernels.norm(squeezed, activate=True), nn.Identity(), dilated]
        last = kernels.convolution(squeezed, 1, 1, bias=True)
        layers += [kernels.norm(squeezed, activate=True), nn.Identity(), last]  # checkpoints use these indices
        self.spatial = nn.SequentialCell(layers)
        self.gate = kernels.gate_by_both()

    def construct(self, features: Tensor) -> Tensor:
        features, for_channels, for_positions = self.fork(features)
        return self.gate(features, self.channel(self.mean(for_channels)), self.spatial(for_positions))


Gates = Mapping[str, Callable[..., nn.Cell]]
"""Creates a gate by name, for this number of channels and this reduction, from these kernels."""

BLOCK_GATES: Gates = {"se": SqueezeExcitation, "cbam": ConvolutionalBlockAttention}
"""Gates at the end of every residual branch of a stage."""
STAGE_GATES: Gates = {"bam": BottleneckAttention}
"""Gates after a stage."""


def gate(table: Gates, name: str, channels: int, reduction: int, kernels: Kernels = STOCK) -> nn.Cell | None:
    """The gate called `name` in one of the tables, squeezed by `reduction`; None if the table does not contain it."""
    return table[name](channels, reduction, kernels=kernels) if name in table else None
