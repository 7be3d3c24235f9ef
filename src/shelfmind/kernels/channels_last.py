"""What networks are built of, on oneDNN: maps are (N, H, W, C), in float32 or bfloat16, from the stem to the head."""

from __future__ import annotations

import mindspore
from mindspore import Tensor, nn, ops

from shelfmind.kernels import operators
from shelfmind.kernels.library import Library
from shelfmind.kernels.operators import Window
from shelfmind.kernels.stock import EPSILON, Kernel, Kernels, Several, four_sides

KEPT = 0.9
"""Of a moving statistic at each step, as MindSpore's own batch normalisation has it."""


class OneDnnKernels(Kernels):
    """Parts whose maps are channels-last, in float32 (``fp32``) or bfloat16 (``bf16``); vectors of a whole image or of
    positions are float32."""

    name = "onednn"

    def __init__(self, library: Library, precision: str = "fp32") -> None:
        operators.use_library(library.path)
        self.precision = precision
        self.dtype = {"fp32": mindspore.float32, "bf16": mindspore.bfloat16}[precision]

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
        sides = four_sides(padding)
        layer = Convolution(
            in_channels,
            out_channels,
            kernel,
            stride,
            pad_mode="pad",
            padding=sides,
            dilation=dilation,
            group=groups,
            has_bias=bias,
        )
        window = Window(layer.kernel_size, (stride, stride), sides, (dilation, dilation), groups)
        layer.prepare(window, operators.MapsOfImages(self.dtype) if of_images else None)
        return layer

    def norm(self, channels: int, epsilon: float = EPSILON, activate: bool = False) -> nn.BatchNorm2d:
        return Norm(channels, epsilon, activate)

    def maximum_pool(self, kernel: int, stride: int, padding: int | None = 0) -> nn.Cell:
        return MaximumPool(_pool_window(kernel, stride, padding))

    def mean_pool(self, kernel: int, stride: int, padding: int | None = 0) -> nn.Cell:
        return operators.PoolMean(_pool_window(kernel, stride, padding))

    def fork(self, ways: int = 2) -> Several:
        return operators.Fork(ways)

    def concatenation(self) -> nn.Cell:
        return operators.Concatenate()

    def residual(self, scale: float, activate: bool) -> nn.Cell:
        return operators.AddScaled(scale, "_relu" if activate else "")

    def mean(self) -> nn.Cell:
        return operators.Mean(kept=True)

    def maximum(self) -> nn.Cell:
        return operators.Maximum()

    def across_channels(self) -> nn.Cell:
        return operators.AcrossChannels()

    def gate(self, of: str) -> nn.Cell:
        return Gate(of)

    def gate_by_both(self) -> nn.Cell:
        return GateByBoth()

    def embedding(self) -> nn.Cell:
        return operators.Mean(kept=False)

    def plain_maps(self) -> nn.Cell:
        return operators.ImagesOfMaps(self.dtype)


def _pool_window(kernel: int, stride: int, padding: int | None) -> Window:
    sides = None if padding is None else four_sides(padding)
    return Window((kernel, kernel), (stride, stride), sides)


class Convolution(nn.Conv2d):
    """MindSpore's convolution, whose parameters it has, computed by oneDNN."""

    def prepare(self, window: Window, entry: nn.Cell | None) -> None:
        """Set how the kernel moves, and what makes maps of images for the first convolution of a network."""
        self.entry = entry
        self.convolve = operators.ConvolveWithBias(window) if self.has_bias else operators.Convolve(window)

    def construct(self, features: Tensor) -> Tensor:
        if self.entry is not None:
            features = self.entry(features)
        if self.has_bias:
            return self.convolve(features, self.weight, self.bias)
        return self.convolve(features, self.weight)


class Norm(nn.BatchNorm2d):
    """MindSpore's batch normalisation, whose parameters it has, with what follows it in one operator."""

    def __init__(self, channels: int, epsilon: float, activate: bool) -> None:
        super().__init__(channels, eps=epsilon)
        finish = "_relu" if activate else ""
        self.settings = Tensor([epsilon, KEPT], mindspore.float32)
        self.in_training = operators.Normalise(finish, training=True)
        self.otherwise = operators.Normalise(finish, training=False)
        self.in_training_and_add = operators.NormaliseAndAdd(training=True)
        self.otherwise_and_add = operators.NormaliseAndAdd(training=False)

    def construct(self, features: Tensor, added: Tensor | None = None) -> Tensor:
        own = self.gamma, self.beta, self.moving_mean, self.moving_variance, self.settings
        if not self.training:
            if added is None:
                return self.otherwise(features, *own)[0]
            return self.otherwise_and_add(features, *own, added)[0]
        if added is None:
            features, _, mean, variance = self.in_training(features, *own)
        else:
            features, _, mean, variance = self.in_training_and_add(features, *own, added)
        ops.assign(self.moving_mean, mean)
        ops.assign(self.moving_variance, variance)
        return features


class MaximumPool(nn.Cell):
    """Maxima of windows."""

    def __init__(self, window: Window) -> None:
        super().__init__()
        self.pool = operators.PoolMaximum(window)

    def construct(self, features: Tensor) -> Tensor:
        return self.pool(features)[0]


class Gate(nn.Cell):
    """See `Kernels.gate`."""

    def __init__(self, of: str) -> None:
        super().__init__()
        self.gate = operators.Gate(of)
        self.gate_and_add = operators.GateAndAdd(of)

    def construct(self, features: Tensor, logits: Tensor, added: Tensor | None = None) -> Tensor:
        return self.gate(features, logits) if added is None else self.gate_and_add(features, logits, added)


class GateByBoth(nn.Cell):
    """See `Kernels.gate_by_both`; what comes of convolutions of maps is of their type, logits are float32."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = operators.GateByBoth()

    def construct(self, features: Tensor, channels: Tensor, positions: Tensor) -> Tensor:
        return self.gate(features, channels, positions.float())
