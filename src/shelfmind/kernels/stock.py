"""Network parts from MindSpore's operators on (N, C, H, W)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from mindspore import Tensor, nn, ops

Kernel = int | tuple[int, int]
EPSILON = 1e-5
KEPT = 0.9
"""Momentum of moving statistics, as in MindSpore's batch normalisation."""


class MultiOutput(nn.Cell):
    """A cell with several output tensors."""

    if TYPE_CHECKING:

        def __call__(self, *inputs: Any) -> tuple[Tensor, ...]: ...  # type: ignore[override]


class Kernels:
    """Creates the parts of networks, in one layout and precision; subclasses use others.

    Parts map between feature maps in this layout, (N, C, H, W) here, and vectors per image, (N, C, 1, 1) here, to which
    ordinary operators apply in either layout. Parameters are float32 and have the same names and shapes in all
    subclasses, so that checkpoints are interchangeable.
    """

    name = "mindspore"
    precision = "fp32"
    channels_last = False
    convolution_type: type[nn.Conv2d] = nn.Conv2d
    norm_type: Callable[[int, float, bool], nn.BatchNorm2d]

    def __init__(self) -> None:
        self.norm_type = Norm

    def convolution(
        self,
        in_channels: int,
        out_channels: int,
        kernel: Kernel,
        stride: int = 1,
        padding: Kernel = 0,
        dilation: int = 1,
        groups: int = 1,
        bias: bool = False,
        of_images: bool = False,
    ) -> nn.Conv2d:
        """A convolution; `padding` is the same on each side, or (top and bottom, left and right); the first one of a
        network is `of_images`, which are (N, 3, H, W) in every layout."""
        layer = self.convolution_type(
            in_channels,
            out_channels,
            kernel,
            stride,
            pad_mode="pad",
            padding=four_sides(padding),
            dilation=dilation,
            group=groups,
            has_bias=bias,
        )
        return self.for_images(layer) if of_images else layer

    def for_images(self, layer: nn.Conv2d) -> nn.Conv2d:
        """The convolution as the first one of a network."""
        return layer

    def norm(self, channels: int, epsilon: float = EPSILON, activate: bool = False) -> nn.BatchNorm2d:
        """Batch normalisation, then ReLU if `activate`; if given a second input, adds it and applies ReLU."""
        return self.norm_type(channels, epsilon, activate)

    def fix(self, model: nn.Cell) -> None:
        """Prepare a network for inference only, with its current weights."""

    def maximum_pool(self, kernel: int, stride: int, padding: int | None = 0) -> nn.Cell:
        """Max pooling; a padding of None pads for ceil(size / stride) results."""
        if padding is None:
            return nn.MaxPool2d(kernel, stride, pad_mode="same")
        if padding == 0:
            return nn.MaxPool2d(kernel, stride)
        return nn.MaxPool2d(kernel, stride, pad_mode="pad", padding=padding)

    def mean_pool(self, kernel: int, stride: int, padding: int | None = 0) -> nn.Cell:
        """Average pooling over the part of each window within the feature map; padding as in `maximum_pool`."""
        if padding is None:
            return nn.AvgPool2d(kernel, stride, pad_mode="same")
        return nn.AvgPool2d(kernel, stride, pad_mode="pad", padding=padding, count_include_pad=False)

    def fork(self, ways: int = 2) -> MultiOutput:
        """Passes the same feature maps to several consumers, as a tuple."""
        return Fork(ways)

    def concatenation(self) -> nn.Cell:
        """Concatenates a tuple of feature maps along the channels."""
        return Concatenation()

    def residual(self, scale: float, activate: bool) -> nn.Cell:
        """maps + scale * branch, then ReLU if `activate`."""
        return Residual(scale, activate)

    def mean(self) -> nn.Cell:
        """The mean of each channel as a vector per image."""
        return Mean()

    def maximum(self) -> nn.Cell:
        """The maximum of each channel as a vector per image."""
        return Maximum()

    def across_channels(self) -> nn.Cell:
        """The maximum and the mean of all channels at each position, as two channels."""
        return AcrossChannels()

    def gate(self, of: str) -> nn.Cell:
        """maps * sigmoid(logits) with logits of "channels" or "positions"; if given a third input, adds it and applies
        ReLU."""
        return Gate()

    def gate_by_both(self) -> nn.Cell:
        """maps + maps * sigmoid(logits of channels + logits of positions)."""
        return GateByBoth()

    def embedding(self) -> nn.Cell:
        """The mean of each channel, (N, C)."""
        return Embedding()

    def plain_maps(self) -> nn.Cell:
        """Feature maps as (N, C, H, W), float32."""
        return nn.SequentialCell([])


def four_sides(padding: Kernel) -> tuple[int, int, int, int]:
    """Padding as top, bottom, left, right."""
    height, width = (padding, padding) if isinstance(padding, int) else padding
    return height, height, width, width


class Norm(nn.BatchNorm2d):
    """See `Kernels.norm`."""

    def __init__(self, channels: int, epsilon: float, activate: bool) -> None:
        super().__init__(channels, eps=epsilon)
        self.activate = activate

    def construct(self, features: Tensor, added: Tensor | None = None) -> Tensor:
        features = super().construct(features)
        if added is not None:
            return ops.relu(features + added)
        return ops.relu(features) if self.activate else features


class Normalised(nn.Cell):
    """A convolution without bias and its batch normalisation; if given a second input, the latter adds it.

    Attributes:
        folded: both fused, if the kernels support it, once the weights are constant.
    """

    def __init__(self, conv: nn.Conv2d, norm: nn.BatchNorm2d) -> None:
        super().__init__()
        self.conv = conv
        self.norm = norm
        self.folded: nn.Cell | None = None

    def construct(self, features: Tensor, added: Tensor | None = None) -> Tensor:
        if self.folded is None:
            return self.norm(self.conv(features), added)
        norm = self.norm
        own = norm.gamma, norm.beta, norm.moving_mean, norm.moving_variance
        return self.folded(features, self.conv.weight, *own, added)


class Fork(MultiOutput):
    """See `Kernels.fork`."""

    def __init__(self, ways: int) -> None:
        super().__init__()
        self.ways = ways

    def construct(self, features: Tensor) -> tuple[Tensor, ...]:
        return (features,) * self.ways


class Concatenation(nn.Cell):
    """See `Kernels.concatenation`."""

    def construct(self, parts: tuple[Tensor, ...]) -> Tensor:
        return ops.cat(parts, 1)


class Residual(nn.Cell):
    """See `Kernels.residual`."""

    def __init__(self, scale: float, activate: bool) -> None:
        super().__init__()
        self.scale = scale
        self.activate = activate

    def construct(self, features: Tensor, branch: Tensor) -> Tensor:
        features = features + branch * self.scale
        return ops.relu(features) if self.activate else features


class Mean(nn.Cell):
    """See `Kernels.mean`."""

    def construct(self, features: Tensor) -> Tensor:
        return ops.mean(features, (2, 3), True)


class Maximum(nn.Cell):
    """See `Kernels.maximum`."""

    def construct(self, features: Tensor) -> Tensor:
        return ops.amax(features, (2, 3), True)


class AcrossChannels(nn.Cell):
    """See `Kernels.across_channels`."""

    def construct(self, features: Tensor) -> Tensor:
        return ops.cat((ops.amax(features, 1, True), ops.mean(features, 1, True)), 1)


class Gate(nn.Cell):
    """See `Kernels.gate`."""

    def construct(self, features: Tensor, logits: Tensor, added: Tensor | None = None) -> Tensor:
        features = features * ops.sigmoid(logits)
        return features if added is None else ops.relu(features + added)


class GateByBoth(nn.Cell):
    """See `Kernels.gate_by_both`."""

    def construct(self, features: Tensor, channels: Tensor, positions: Tensor) -> Tensor:
        return features + features * ops.sigmoid(channels + positions)


class Embedding(nn.Cell):
    """See `Kernels.embedding`."""

    def construct(self, features: Tensor) -> Tensor:
        return ops.mean(features, (2, 3))


STOCK = Kernels()
"""MindSpore's kernels, float32."""
