"""ResNet-50 and SE-ResNeXt-50 32x4d in plain PyTorch, layer for layer and name for name as `shelfmind.models`."""

from __future__ import annotations

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
    """Projection of the identity branch where shape changes."""

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        self.projection = ConvNorm(in_channels, out_channels, 1, stride, activate=False)

    def forward(self, features: Tensor) -> Tensor:
        return self.projection(features)


class Bottleneck(nn.Module):
    """1x1, 3x3 (with the stride) and 1x1 convolutions, gate, shortcut, ReLU."""

    def __init__(self, in_channels: int, width: int, stride: int, groups: int, group_width: int, gated: bool) -> None:
        super().__init__()
        inner, out_channels = width * group_width // 64 * groups, width * 4
        self.branch = nn.Sequential(
            ConvNorm(in_channels, inner, 1),
            ConvNorm(inner, inner, 3, stride, groups),
            ConvNorm(inner, out_channels, 1, activate=False),
        )
        self.gate = SqueezeExcitation(out_channels) if gated else nn.Identity()
        changes_shape = stride != 1 or in_channels != out_channels
        self.shortcut = Shortcut(in_channels, out_channels, stride) if changes_shape else nn.Identity()

    def forward(self, features: Tensor) -> Tensor:
        return functional.relu(self.gate(self.branch(features)) + self.shortcut(features), inplace=True)


class ResNet(nn.Module):
    """Images (N, 3, H, W) to logits (N, num_classes) and the embedding (N, 2048)."""

    def __init__(self, num_classes: int, groups: int = 1, group_width: int = 64, gated: bool = False) -> None:
        super().__init__()
        self.stem = nn.Sequential(ConvNorm(3, 64, 7, 2), nn.MaxPool2d(3, 2, 1))
        channels, stages = 64, []
        for index, (depth, width) in enumerate(zip((3, 4, 6, 3), (64, 128, 256, 512), strict=True)):
            blocks = []
            for position in range(depth):
                stride = 2 if index > 0 and position == 0 else 1
                blocks.append(Bottleneck(channels, width, stride, groups, group_width, gated))
                channels = width * 4
            stages.append(nn.Sequential(*blocks))
        self.stages = nn.Sequential(*stages)
        self.head = nn.ModuleDict({"classifier": nn.Linear(channels, num_classes)})

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        embedding = self.stages(self.stem(images)).mean((2, 3))
        return self.head["classifier"](embedding), embedding


def create_model(name: str, num_classes: int) -> ResNet:
    """``resnet50`` or ``se_resnext50``."""
    arguments = {"resnet50": {}, "se_resnext50": {"groups": 32, "group_width": 4, "gated": True}}
    return ResNet(num_classes, **arguments[name])  # type: ignore[arg-type]
