"""ResNet-50, SE-ResNeXt-50 32x4d and `shelfnet_s` in plain PyTorch, layer by layer as in `shelfmind.models`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional


class ConvNorm(nn.Module):
    """Convolution, batch normalisation and, if `activate`, ReLU."""

    def __init__(
        self, in_channels: int, out_channels: int, kernel: int, stride: int = 1, groups: int = 1, activate: bool = True
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, kernel, stride, kernel // 2, groups=groups, bias=False)
        self.norm = nn.BatchNorm2d(out_channels)
        self.activate = activate

    def forward(self, features: Tensor) -> Tensor:
        features = self.norm(self.conv(features))
        return functional.relu(features, inplace=True) if self.activate else features


class SqueezeExcitation(nn.Module):
    """Channel gate of two 1x1 convolutions on the mean of each channel."""

    def __init__(self, channels: int, reduction: int = 16) -> None:
        super().__init__()
        squeezed = max(8, channels // reduction)
        self.reduce = nn.Conv2d(channels, squeezed, 1)
        self.expand = nn.Conv2d(squeezed, channels, 1)

    def forward(self, features: Tensor) -> Tensor:
        gate = features.mean((2, 3), keepdim=True)
        return features * torch.sigmoid(self.expand(functional.relu(self.reduce(gate), inplace=True)))


class Shortcut(nn.Module):
    """Projection of the identity branch where the shape changes; `pooled` averages first."""

    def __init__(self, in_channels: int, out_channels: int, stride: int, pooled: bool) -> None:
        super().__init__()
        self.pool = nn.AvgPool2d(stride, stride, ceil_mode=True) if pooled and stride > 1 else nn.Identity()
        self.projection = ConvNorm(in_channels, out_channels, 1, 1 if pooled else stride, activate=False)

    def forward(self, features: Tensor) -> Tensor:
        return self.projection(self.pool(features))


@dataclass(frozen=True)
class Style:
    """Settings shared by all blocks of a network."""

    bottleneck: bool = True
    groups: int = 1
    group_width: int = 64
    reduction: int | None = None
    """Reduction of the gates; None: no gates."""
    pooled_shortcut: bool = False

    def branch(self, in_channels: int, width: int, stride: int) -> nn.Sequential:
        """Return the convolutions of a block, with the stride on the first 3x3."""
        if not self.bottleneck:
            return nn.Sequential(ConvNorm(in_channels, width, 3, stride), ConvNorm(width, width, 3, activate=False))
        inner = width * self.group_width // 64 * self.groups
        return nn.Sequential(
            ConvNorm(in_channels, inner, 1),
            ConvNorm(inner, inner, 3, stride, self.groups),
            ConvNorm(inner, width * 4, 1, activate=False),
        )


class Block(nn.Module):
    """Branch, gate, shortcut, ReLU."""

    def __init__(self, in_channels: int, width: int, stride: int, style: Style) -> None:
        super().__init__()
        out_channels = width * (4 if style.bottleneck else 1)
        self.branch = style.branch(in_channels, width, stride)
        self.gate = nn.Identity() if style.reduction is None else SqueezeExcitation(out_channels, style.reduction)
        changes_shape = stride != 1 or in_channels != out_channels
        pooled = style.pooled_shortcut
        self.shortcut = Shortcut(in_channels, out_channels, stride, pooled) if changes_shape else nn.Identity()

    def forward(self, features: Tensor) -> Tensor:
        return functional.relu(self.gate(self.branch(features)) + self.shortcut(features), inplace=True)


class ResNet(nn.Module):
    """Images (N, 3, H, W) to logits (N, num_classes) and the embedding (N, D)."""

    def __init__(
        self,
        num_classes: int,
        depths: tuple[int, ...] = (3, 4, 6, 3),
        widths: tuple[int, ...] = (64, 128, 256, 512),
        light_stem: bool = False,
        **style: Any,
    ) -> None:
        super().__init__()
        channels, stages, kind = widths[0], [], Style(**style)
        half = channels // 2
        light = [ConvNorm(3, half, 3, 2), ConvNorm(half, channels, 3)]
        self.stem = nn.Sequential(*(light if light_stem else [ConvNorm(3, channels, 7, 2)]), nn.MaxPool2d(3, 2, 1))
        for index, (depth, width) in enumerate(zip(depths, widths, strict=True)):
            blocks = []
            for position in range(depth):
                stride = 2 if index > 0 and position == 0 else 1
                blocks.append(Block(channels, width, stride, kind))
                channels = width * (4 if kind.bottleneck else 1)
            stages.append(nn.Sequential(*blocks))
        self.stages = nn.Sequential(*stages)
        self.head = nn.ModuleDict({"classifier": nn.Linear(channels, num_classes)})

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        embedding = self.stages(self.stem(images)).mean((2, 3))
        return self.head["classifier"](embedding), embedding


MODELS: dict[str, dict[str, Any]] = {
    "resnet50": {},
    "se_resnext50": {"groups": 32, "group_width": 4, "reduction": 16},
    "shelfnet_s": {
        "depths": (2, 2, 2, 2),
        "widths": (32, 64, 128, 256),
        "light_stem": True,
        "bottleneck": False,
        "reduction": 8,
        "pooled_shortcut": True,
    },
}


def create_model(name: str, num_classes: int) -> ResNet:
    """A key of `MODELS`."""
    return ResNet(num_classes, **MODELS[name])
