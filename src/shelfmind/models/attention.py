"""Attention gates that re-weight a feature map: at the end of a residual branch, or between two stages."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from mindspore import Tensor, nn, ops


class SqueezeExcitation(nn.Cell):
    """Channel gate of Hu et al., "Squeeze-and-Excitation Networks" (CVPR 2018), equations 2 to 4.

    The two fully connected layers are 1x1 convolutions on kept dimensions, so that an exported graph keeps a dynamic
    batch. Input and output have shape (N, C, H, W).
    """

    def __init__(self, channels: int, reduction: int = 16) -> None:
        super().__init__()
        squeezed = max(8, channels // reduction)
        self.reduce = nn.Conv2d(channels, squeezed, 1, has_bias=True)
        self.expand = nn.Conv2d(squeezed, channels, 1, has_bias=True)

    def construct(self, features: Tensor) -> Tensor:
        gate = ops.mean(features, (2, 3), True)
        gate = ops.sigmoid(self.expand(ops.relu(self.reduce(gate))))
        return features * gate


class ConvolutionalBlockAttention(nn.Cell):
    """CBAM: a channel gate, then a spatial one (Woo et al., ECCV 2018, equations 1 to 3); (N, C, H, W) both ways.

    The channel gate shares its two layers between the mean and the maximum; the spatial one is a normalised 7x7
    convolution of the maximum and the mean over the channels, in this order.
    """

    def __init__(self, channels: int, reduction: int = 16, kernel: int = 7) -> None:
        super().__init__()
        squeezed = max(1, channels // reduction)
        self.reduce = nn.Conv2d(channels, squeezed, 1, has_bias=True)
        self.expand = nn.Conv2d(squeezed, channels, 1, has_bias=True)
        self.spatial = nn.Conv2d(2, 1, kernel, pad_mode="pad", padding=kernel // 2)
        self.norm = nn.BatchNorm2d(1)

    def construct(self, features: Tensor) -> Tensor:
        mean = self.expand(ops.relu(self.reduce(ops.mean(features, (2, 3), True))))
        greatest = self.expand(ops.relu(self.reduce(ops.amax(features, (2, 3), True))))
        features = features * ops.sigmoid(mean + greatest)
        pooled = ops.cat((ops.amax(features, 1, True), ops.mean(features, 1, True)), 1)
        return features * ops.sigmoid(self.norm(self.spatial(pooled)))


class BottleneckAttention(nn.Cell):
    """BAM: F + F * sigmoid(Mc(F) + Ms(F)) (Park et al., BMVC 2018, equations 1 to 4); (N, C, H, W) both ways.

    Mc is the mean of each channel through two layers, Ms a 1x1, two dilated 3x3 and a 1x1 convolution to one channel.
    The authors' later code multiplies the two instead of adding them; this is the paper.
    """

    def __init__(self, channels: int, reduction: int = 16, dilation: int = 4) -> None:
        super().__init__()
        squeezed = max(1, channels // reduction)
        self.channel = nn.SequentialCell(
            [
                nn.Conv2d(channels, squeezed, 1, has_bias=True),
                nn.BatchNorm2d(squeezed),
                nn.ReLU(),
                nn.Conv2d(squeezed, channels, 1, has_bias=True),
            ]
        )
        layers: list[nn.Cell] = [nn.Conv2d(channels, squeezed, 1, has_bias=True)]
        for _ in range(2):
            layers += [nn.BatchNorm2d(squeezed), nn.ReLU(), _dilated(squeezed, dilation)]
        layers += [nn.BatchNorm2d(squeezed), nn.ReLU(), nn.Conv2d(squeezed, 1, 1, has_bias=True)]
        self.spatial = nn.SequentialCell(layers)

    def construct(self, features: Tensor) -> Tensor:
        channel = self.channel(ops.mean(features, (2, 3), True))
        return features + features * ops.sigmoid(channel + self.spatial(features))


def _dilated(channels: int, dilation: int) -> nn.Conv2d:
    return nn.Conv2d(channels, channels, 3, pad_mode="pad", padding=dilation, dilation=dilation, has_bias=True)


Gates = Mapping[str, Callable[[int, int], nn.Cell]]
"""Makes a gate for so many channels with this reduction, by name."""

BLOCK_GATES: Gates = {"se": SqueezeExcitation, "cbam": ConvolutionalBlockAttention}
"""Gates at the end of every residual branch of a stage."""
STAGE_GATES: Gates = {"bam": BottleneckAttention}
"""Gates after a stage."""


def gate(table: Gates, name: str, channels: int, reduction: int) -> nn.Cell | None:
    """The gate called `name` in one of the tables, squeezed by `reduction`; None if the name is not of this table."""
    return table[name](channels, reduction) if name in table else None
