"""Inception-ResNet-v2 (Szegedy et al., AAAI 2017, figures 3 and 15 to 19)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from mindspore import Tensor, nn, ops

from shelfmind.models.heads import Head
from shelfmind.models.network import Network

Kernel = int | tuple[int, int]
NORM_EPSILON = 1e-3
LEAST_IMAGE_SIZE = 75
"""The unpadded layers leave nothing of a smaller image."""


class Unit(nn.Cell):
    """Convolution without bias, batch normalisation, ReLU; `same` pads so that stride 1 keeps height and width."""

    def __init__(
        self, in_channels: int, out_channels: int, kernel: Kernel = 1, stride: int = 1, same: bool = True
    ) -> None:
        super().__init__()
        height, width = (kernel, kernel) if isinstance(kernel, int) else kernel
        padding = (height // 2, height // 2, width // 2, width // 2) if same else 0
        self.conv = nn.Conv2d(
            in_channels, out_channels, (height, width), stride, pad_mode="pad", padding=padding, has_bias=False
        )
        self.norm = nn.BatchNorm2d(out_channels, eps=NORM_EPSILON)

    def construct(self, features: Tensor) -> Tensor:
        return ops.relu(self.norm(self.conv(features)))


Valid = partial(Unit, same=False)


class Branches(nn.Cell):
    """Branches side by side on the same input, joined along the channels."""

    def __init__(self, *branches: Sequence[nn.Cell]) -> None:
        super().__init__()
        self.branches = nn.CellList([nn.SequentialCell(list(branch)) for branch in branches])

    def construct(self, features: Tensor) -> Tensor:
        outputs = ()  # type: tuple[Tensor, ...]
        for branch in self.branches:
            outputs += (branch(features),)
        return ops.cat(outputs, 1)


class ScaledResidual(nn.Cell):
    """features + scale * projection(branches(features)), then ReLU unless it is the last (section 3.3)."""

    def __init__(self, branches: Branches, joined: int, channels: int, scale: float, activate: bool = True) -> None:
        super().__init__()
        self.branches = branches
        self.projection = nn.Conv2d(joined, channels, 1, has_bias=True)
        self.scale = scale
        self.activate = activate

    def construct(self, features: Tensor) -> Tensor:
        features = features + self.projection(self.branches(features)) * self.scale
        return ops.relu(features) if self.activate else features


def block_a() -> nn.Cell:
    """35x35 grid, figure 16, residuals scaled by 0.17."""
    return ScaledResidual(
        Branches([Unit(320, 32)], [Unit(320, 32), Unit(32, 32, 3)], [Unit(320, 32), Unit(32, 48, 3), Unit(48, 64, 3)]),
        128,
        320,
        0.17,
    )


def block_b() -> nn.Cell:
    """17x17 grid, figure 17, residuals scaled by 0.1."""
    tall = [Unit(1088, 128), Unit(128, 160, (1, 7)), Unit(160, 192, (7, 1))]
    return ScaledResidual(Branches([Unit(1088, 192)], tall), 384, 1088, 0.1)


def block_c(scale: float = 0.2, activate: bool = True) -> nn.Cell:
    """8x8 grid, figure 19, residuals scaled by 0.2."""
    tall = [Unit(2080, 192), Unit(192, 224, (1, 3)), Unit(224, 256, (3, 1))]
    return ScaledResidual(Branches([Unit(2080, 192)], tall), 448, 2080, scale, activate)


def stem() -> list[nn.Cell]:
    """The layers before the first Inception block: 3 channels to 192 on an eighth of height and width."""
    return [
        Valid(3, 32, 3, 2),
        Valid(32, 32, 3),
        Unit(32, 64, 3),
        nn.MaxPool2d(3, 2),
        Valid(64, 80),
        Valid(80, 192, 3),
        nn.MaxPool2d(3, 2),
    ]


def mixed_5b() -> nn.Cell:
    """192 to 320 channels."""
    pooled = nn.AvgPool2d(3, 1, pad_mode="pad", padding=1, count_include_pad=False)
    return Branches(
        [Unit(192, 96)],
        [Unit(192, 48), Unit(48, 64, 5)],
        [Unit(192, 64), Unit(64, 96, 3), Unit(96, 96, 3)],
        [pooled, Unit(192, 64)],
    )


def reduction_a() -> nn.Cell:
    """320 to 1,088 channels, half of height and width (figure 7)."""
    return Branches(
        [Valid(320, 384, 3, 2)],
        [Unit(320, 256), Unit(256, 256, 3), Valid(256, 384, 3, 2)],
        [nn.MaxPool2d(3, 2)],
    )


def reduction_b() -> nn.Cell:
    """1,088 to 2,080 channels, half of height and width (figure 18)."""
    return Branches(
        [Unit(1088, 256), Valid(256, 384, 3, 2)],
        [Unit(1088, 256), Valid(256, 288, 3, 2)],
        [Unit(1088, 256), Unit(256, 288, 3), Valid(288, 320, 3, 2)],
        [nn.MaxPool2d(3, 2)],
    )


class InceptionResNetV2(Network):
    """Images (N, 3, H, W), H and W at least 75, to logits (N, num_classes) and the embedding (N, 1536 by default).

    Args:
        num_classes: width of the classifier.
        last_stage_width: factor on the width of the last convolution; 2 is the contest solution's "wider".
        embedding_width: the width of the last convolution itself, instead of 1,536 times that factor.
        head: arguments of `Head`.
    """

    least_image_size = LEAST_IMAGE_SIZE

    def __init__(
        self, num_classes: int, last_stage_width: int = 1, embedding_width: int | None = None, **head: Any
    ) -> None:
        super().__init__()
        width = embedding_width or 1536 * last_stage_width
        self.features = nn.SequentialCell(
            [
                *stem(),
                mixed_5b(),
                *(block_a() for _ in range(10)),
                reduction_a(),
                *(block_b() for _ in range(20)),
                reduction_b(),
                *(block_c() for _ in range(9)),
                block_c(scale=1.0, activate=False),
                Unit(2080, width),
            ]
        )
        self.head = Head(width, num_classes, **head)
        self.embedding_width = width

    def forward_features(self, images: Tensor) -> Tensor:
        """The feature maps (N, D, h, w) that are averaged into the embedding."""
        return self.features(images)

    def forward_head(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Logits and embedding of feature maps."""
        return self.head(ops.mean(features, (2, 3)))
