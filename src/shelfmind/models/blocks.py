"""Convolution, normalisation and the residual blocks that every ResNet-like model is built of."""

from __future__ import annotations

from dataclasses import dataclass

from mindspore import Tensor, nn, ops

from shelfmind.models.attention import BLOCK_GATES, gate


def convolution(in_channels: int, out_channels: int, kernel: int, stride: int = 1, groups: int = 1) -> nn.Conv2d:
    """A bias-free convolution padded by half its kernel."""
    return nn.Conv2d(
        in_channels,
        out_channels,
        kernel,
        stride=stride,
        pad_mode="pad",
        padding=kernel // 2,
        group=groups,
        has_bias=False,
    )


class ConvNorm(nn.Cell):
    """Convolution, batch normalisation and, if `activate`, ReLU."""

    def __init__(
        self, in_channels: int, out_channels: int, kernel: int, stride: int = 1, groups: int = 1, activate: bool = True
    ) -> None:
        super().__init__()
        self.conv = convolution(in_channels, out_channels, kernel, stride, groups)
        self.norm = nn.BatchNorm2d(out_channels)
        self.activate = activate

    def construct(self, features: Tensor) -> Tensor:
        features = self.norm(self.conv(features))
        return ops.relu(features) if self.activate else features


class Shortcut(nn.Cell):
    """Projection of the identity branch where shape changes; `pooled` averages before projecting (ResNet-D)."""

    def __init__(self, in_channels: int, out_channels: int, stride: int, pooled: bool) -> None:
        super().__init__()
        self.pool = nn.AvgPool2d(stride, stride, pad_mode="same") if pooled and stride > 1 else None
        self.projection = ConvNorm(in_channels, out_channels, 1, 1 if self.pool else stride, activate=False)

    def construct(self, features: Tensor) -> Tensor:
        if self.pool is not None:
            features = self.pool(features)
        return self.projection(features)


@dataclass(frozen=True)
class BlockStyle:
    """What all blocks of a network share.

    `group_width` is the width of a 3x3 convolution's group at a stage width of 64: 64 for a plain ResNet, 4 with 32
    groups for "32x4d". `attention` names the gate at the end of each residual branch and `reduction` its squeeze.
    A `kernel_size` other than 3 makes the 3x3 convolutions depthwise ones of that size.
    """

    groups: int = 1
    group_width: int = 64
    attention: str = "none"
    reduction: int = 16
    pooled_shortcut: bool = False
    kernel_size: int = 3

    def spatial(self, in_channels: int, out_channels: int, stride: int = 1, activate: bool = True) -> nn.Cell:
        """The spatial convolution of a block with its normalisation."""
        if self.kernel_size == 3:
            return ConvNorm(in_channels, out_channels, 3, stride, self.groups, activate)
        if in_channels == out_channels:
            return ConvNorm(in_channels, out_channels, self.kernel_size, stride, in_channels, activate)
        return nn.SequentialCell(
            [
                ConvNorm(in_channels, in_channels, self.kernel_size, stride, in_channels),
                ConvNorm(in_channels, out_channels, 1, activate=activate),
            ]
        )


class ResidualBlock(nn.Cell):
    """Residual branch, attention gate, shortcut, ReLU; subclasses build the branch."""

    def __init__(
        self, branch: list[nn.Cell], in_channels: int, out_channels: int, stride: int, style: BlockStyle
    ) -> None:
        super().__init__()
        self.branch = nn.SequentialCell(branch)
        self.gate = gate(BLOCK_GATES, style.attention, out_channels, style.reduction)
        changes_shape = stride != 1 or in_channels != out_channels
        self.shortcut = Shortcut(in_channels, out_channels, stride, style.pooled_shortcut) if changes_shape else None

    def construct(self, features: Tensor) -> Tensor:
        identity = features if self.shortcut is None else self.shortcut(features)
        features = self.branch(features)
        if self.gate is not None:
            features = self.gate(features)
        return ops.relu(features + identity)


class BasicBlock(ResidualBlock):
    """Two 3x3 convolutions (He et al., "Deep Residual Learning", CVPR 2016, figure 5 left)."""

    expansion = 1

    def __init__(self, in_channels: int, width: int, stride: int, style: BlockStyle) -> None:
        branch: list[nn.Cell] = [
            style.spatial(in_channels, width, stride),
            style.spatial(width, width, activate=False),
        ]
        super().__init__(branch, in_channels, width, stride, style)


class Bottleneck(ResidualBlock):
    """1x1, 3x3 and 1x1 convolutions; with groups it is ResNeXt's block (Xie et al., CVPR 2017, figure 3c).

    The stride sits on the 3x3 convolution.
    """

    expansion = 4

    def __init__(self, in_channels: int, width: int, stride: int, style: BlockStyle) -> None:
        inner = width * style.group_width // 64 * style.groups
        out_channels = width * self.expansion
        branch: list[nn.Cell] = [
            ConvNorm(in_channels, inner, 1),
            style.spatial(inner, inner, stride),
            ConvNorm(inner, out_channels, 1, activate=False),
        ]
        super().__init__(branch, in_channels, out_channels, stride, style)
