"""Inception-ResNet-v2 (Szegedy et al., AAAI 2017, figures 3 and 15 to 19)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mindspore import Tensor, nn

from shelfmind.kernels.stock import STOCK, Kernel, Kernels, Normalised
from shelfmind.models.heads import Head
from shelfmind.models.network import OwnNetwork

NORM_EPSILON = 1e-3
MIN_IMAGE_SIZE = 75
"""Smaller images vanish in the unpadded layers."""


class Unit(Normalised):
    """Convolution without bias, batch normalisation, ReLU; `same` pads so that stride 1 keeps height and width."""

    def __init__(
        self,
        kernels: Kernels,
        in_channels: int,
        out_channels: int,
        kernel: Kernel = 1,
        stride: int = 1,
        same: bool = True,
        of_images: bool = False,
    ) -> None:
        height, width = (kernel, kernel) if isinstance(kernel, int) else kernel
        padding = (height // 2, width // 2) if same else 0
        conv = kernels.convolution(in_channels, out_channels, (height, width), stride, padding, of_images=of_images)
        super().__init__(conv, kernels.norm(out_channels, NORM_EPSILON, activate=True))


class Branches(nn.Cell):
    """Parallel branches on the same input, concatenated along the channels."""

    def __init__(self, kernels: Kernels, *branches: Sequence[nn.Cell]) -> None:
        super().__init__()
        self.fork = kernels.fork(len(branches))
        self.branches = nn.CellList([nn.SequentialCell(list(branch)) for branch in branches])
        self.concatenate = kernels.concatenation()

    def construct(self, features: Tensor) -> Tensor:
        outputs = ()  # type: tuple[Tensor, ...]
        for branch, each in zip(self.branches, self.fork(features)):  # noqa: B905 - graphs know no `strict`
            outputs += (branch(each),)
        return self.concatenate(outputs)


class ScaledResidual(nn.Cell):
    """features + scale * projection(branches(features)), then ReLU unless it is the last (section 3.3)."""

    def __init__(
        self,
        kernels: Kernels,
        branches: Branches,
        joined: int,
        channels: int,
        scale: float,
        activate: bool = True,
    ) -> None:
        super().__init__()
        self.fork = kernels.fork()
        self.branches = branches
        self.projection = kernels.convolution(joined, channels, 1, bias=True)
        self.add = kernels.residual(scale, activate)

    def construct(self, features: Tensor) -> Tensor:
        features, for_branches = self.fork(features)
        return self.add(features, self.projection(self.branches(for_branches)))


class Parts:
    """Builds the parts of the network from these kernels."""

    def __init__(self, kernels: Kernels) -> None:
        self.kernels = kernels

    def unit(self, in_channels: int, out_channels: int, kernel: Kernel = 1) -> Unit:
        """A padded unit."""
        return Unit(self.kernels, in_channels, out_channels, kernel)

    def valid(
        self, in_channels: int, out_channels: int, kernel: Kernel = 1, stride: int = 1, of_images: bool = False
    ) -> Unit:
        """An unpadded unit."""
        return Unit(self.kernels, in_channels, out_channels, kernel, stride, same=False, of_images=of_images)

    def branches(self, *branches: Sequence[nn.Cell]) -> Branches:
        """See `Branches`."""
        return Branches(self.kernels, *branches)

    def block_a(self) -> nn.Cell:
        """35x35 grid, figure 16, residuals scaled by 0.17."""
        unit = self.unit
        branches = self.branches(
            [unit(320, 32)],
            [unit(320, 32), unit(32, 32, 3)],
            [unit(320, 32), unit(32, 48, 3), unit(48, 64, 3)],
        )
        return ScaledResidual(self.kernels, branches, 128, 320, 0.17)

    def block_b(self) -> nn.Cell:
        """17x17 grid, figure 17, residuals scaled by 0.1."""
        tall = [self.unit(1088, 128), self.unit(128, 160, (1, 7)), self.unit(160, 192, (7, 1))]
        return ScaledResidual(self.kernels, self.branches([self.unit(1088, 192)], tall), 384, 1088, 0.1)

    def block_c(self, scale: float = 0.2, activate: bool = True) -> nn.Cell:
        """8x8 grid, figure 19, residuals scaled by 0.2."""
        tall = [self.unit(2080, 192), self.unit(192, 224, (1, 3)), self.unit(224, 256, (3, 1))]
        branches = self.branches([self.unit(2080, 192)], tall)
        return ScaledResidual(self.kernels, branches, 448, 2080, scale, activate)

    def stem(self) -> list[nn.Cell]:
        """The layers before the first Inception block: 3 channels to 192 on an eighth of height and width."""
        return [
            self.valid(3, 32, 3, 2, of_images=True),
            self.valid(32, 32, 3),
            self.unit(32, 64, 3),
            self.kernels.maximum_pool(3, 2),
            self.valid(64, 80),
            self.valid(80, 192, 3),
            self.kernels.maximum_pool(3, 2),
        ]

    def mixed_5b(self) -> nn.Cell:
        """192 to 320 channels."""
        unit = self.unit
        return self.branches(
            [unit(192, 96)],
            [unit(192, 48), unit(48, 64, 5)],
            [unit(192, 64), unit(64, 96, 3), unit(96, 96, 3)],
            [self.kernels.mean_pool(3, 1, 1), unit(192, 64)],
        )

    def reduction_a(self) -> nn.Cell:
        """320 to 1,088 channels, half of height and width (figure 7)."""
        return self.branches(
            [self.valid(320, 384, 3, 2)],
            [self.unit(320, 256), self.unit(256, 256, 3), self.valid(256, 384, 3, 2)],
            [self.kernels.maximum_pool(3, 2)],
        )

    def reduction_b(self) -> nn.Cell:
        """1,088 to 2,080 channels, half of height and width (figure 18)."""
        return self.branches(
            [self.unit(1088, 256), self.valid(256, 384, 3, 2)],
            [self.unit(1088, 256), self.valid(256, 288, 3, 2)],
            [self.unit(1088, 256), self.unit(256, 288, 3), self.valid(288, 320, 3, 2)],
            [self.kernels.maximum_pool(3, 2)],
        )


class InceptionResNetV2(OwnNetwork):
    """Images (N, 3, H, W), H and W at least 75, to logits (N, num_classes) and the embedding (N, 1536 by default).

    Args:
        num_classes: width of the classifier.
        depths: numbers of blocks A, B and C.
        last_stage_width: factor on the width of the last convolution; 2 is the contest solution's "wider".
        embedding_width: the width of the last convolution itself, instead of 1,536 times that factor.
        kernels: create all parts.
        head: arguments of `Head`.
    """

    least_image_size = MIN_IMAGE_SIZE

    def __init__(
        self,
        num_classes: int,
        depths: Sequence[int] = (10, 20, 10),
        last_stage_width: int = 1,
        embedding_width: int | None = None,
        kernels: Kernels = STOCK,
        **head: Any,
    ) -> None:
        super().__init__()
        width = embedding_width or 1536 * last_stage_width
        parts = Parts(kernels)
        blocks_a, blocks_b, blocks_c = depths
        self.features = nn.SequentialCell(
            [
                *parts.stem(),
                parts.mixed_5b(),
                *(parts.block_a() for _ in range(blocks_a)),
                parts.reduction_a(),
                *(parts.block_b() for _ in range(blocks_b)),
                parts.reduction_b(),
                *(parts.block_c() for _ in range(blocks_c - 1)),
                parts.block_c(scale=1.0, activate=False),
                parts.unit(2080, width),
            ]
        )
        self.mean = kernels.embedding()
        self.plain_maps = kernels.plain_maps()
        self.head = Head(width, num_classes, **head)
        self.embedding_width = width

    def maps(self, images: Tensor) -> Tensor:
        """The feature maps that are averaged into the embedding, in the layout of the kernels."""
        return self.features(images)
