"""Convolution, normalisation and residual blocks of all ResNet-like models."""

from __future__ import annotations

from dataclasses import dataclass

from mindspore import Tensor, nn

from shelfmind.kernels.stock import STOCK, Kernels, Normalised
from shelfmind.models.attention import BLOCK_GATES, gate


class ConvNorm(Normalised):
    """Bias-free convolution padded by half its kernel, batch normalisation and, if `activate`, ReLU.

    If given a second input, adds it before the ReLU. The first convolution of a network is `of_images`.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int,
        stride: int = 1,
        groups: int = 1,
        activate: bool = True,
        of_images: bool = False,
        kernels: Kernels = STOCK,
    ) -> None:
        conv = kernels.convolution(
            in_channels, out_channels, kernel, stride, kernel // 2, groups=groups, of_images=of_images
        )
        super().__init__(conv, kernels.norm(out_channels, activate=activate))


class Shortcut(nn.Cell):
    """Projection shortcut where the shape changes; `pooled` averages before projecting (ResNet-D)."""

    def __init__(
        self, in_channels: int, out_channels: int, stride: int, pooled: bool, kernels: Kernels = STOCK
    ) -> None:
        super().__init__()
        self.pool = kernels.mean_pool(stride, stride, None) if pooled and stride > 1 else None
        self.projection = ConvNorm(
            in_channels, out_channels, 1, 1 if self.pool else stride, activate=False, kernels=kernels
        )

    def construct(self, features: Tensor) -> Tensor:
        if self.pool is not None:
            features = self.pool(features)
        return self.projection(features)


@dataclass(frozen=True)
class BlockStyle:
    """Settings shared by all blocks of a network.

    `group_width` is the width of a 3x3 convolution's group at a stage width of 64: 64 for a plain ResNet, 4 with 32
    groups for "32x4d". `attention` is the gate at the end of each residual branch and `reduction` its squeeze. A
    `kernel_size` other than 3 turns the 3x3 convolutions into depthwise ones of that size. `kernels` create all parts.
    """

    groups: int = 1
    group_width: int = 64
    attention: str = "none"
    reduction: int = 16
    pooled_shortcut: bool = False
    kernel_size: int = 3
    kernels: Kernels = STOCK

    def unit(
        self, in_channels: int, out_channels: int, kernel: int, stride: int = 1, groups: int = 1, activate: bool = True
    ) -> ConvNorm:
        """A convolution with batch normalisation."""
        return ConvNorm(in_channels, out_channels, kernel, stride, groups, activate, kernels=self.kernels)

    def spatial(self, in_channels: int, out_channels: int, stride: int = 1, activate: bool = True) -> nn.Cell:
        """The spatial convolution of a block, with batch normalisation."""
        if self.kernel_size == 3:
            return self.unit(in_channels, out_channels, 3, stride, self.groups, activate)
        if in_channels == out_channels:
            return self.unit(in_channels, out_channels, self.kernel_size, stride, in_channels, activate)
        return nn.SequentialCell(
            [
                self.unit(in_channels, in_channels, self.kernel_size, stride, in_channels),
                self.unit(in_channels, out_channels, 1, activate=activate),
            ]
        )


class ResidualBlock(nn.Cell):
    """Residual branch, attention gate, shortcut, ReLU; subclasses build the branch.

    The last part of the branch, the normalisation or the gate, adds the shortcut and applies the ReLU.
    """

    def __init__(
        self, branch: list[nn.Cell], in_channels: int, out_channels: int, stride: int, style: BlockStyle
    ) -> None:
        super().__init__()
        self.fork = style.kernels.fork()
        self.branch = nn.SequentialCell(branch)
        self.gate = gate(BLOCK_GATES, style.attention, out_channels, style.reduction, style.kernels)
        changes_shape = stride != 1 or in_channels != out_channels
        self.shortcut = (
            Shortcut(in_channels, out_channels, stride, style.pooled_shortcut, style.kernels) if changes_shape else None
        )

    def construct(self, features: Tensor) -> Tensor:
        features, identity = self.fork(features)
        if self.shortcut is not None:
            identity = self.shortcut(identity)
        if self.gate is not None:
            return self.gate(self.branch(features), identity)
        for part in self.branch.cell_list[:-1]:
            features = part(features)
        return self.branch.cell_list[-1](features, identity)


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
    """1x1, 3x3 and 1x1 convolutions; with groups, the block of ResNeXt (Xie et al., CVPR 2017, figure 3c).

    The stride is in the 3x3 convolution.
    """

    expansion = 4

    def __init__(self, in_channels: int, width: int, stride: int, style: BlockStyle) -> None:
        inner = width * style.group_width // 64 * style.groups
        out_channels = width * self.expansion
        branch: list[nn.Cell] = [
            style.unit(in_channels, inner, 1),
            style.spatial(inner, inner, stride),
            style.unit(inner, out_channels, 1, activate=False),
        ]
        super().__init__(branch, in_channels, out_channels, stride, style)
