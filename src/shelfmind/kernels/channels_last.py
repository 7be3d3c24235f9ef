"""Network parts on oneDNN: feature maps are (N, H, W, C), in float32 or bfloat16, from the stem to the head."""

from __future__ import annotations

from typing import Any

import mindspore
from mindspore import Tensor, nn, ops

from shelfmind.kernels.library import Library
from shelfmind.kernels.operators import convolution, gates, maps, normalisation, pooling, prediction
from shelfmind.kernels.operators.custom import Window, use_library
from shelfmind.kernels.stock import KEPT, Kernels, MultiOutput, Normalised, four_sides


class Convolution(nn.Conv2d):
    """MindSpore's convolution, with the same parameters and arguments, computed by oneDNN.

    Attributes:
        entry: converts images to feature maps, in the first convolution of a network.
        fixed: the operator for constant weights.
    """

    def __init__(self, *sizes: Any, **arguments: Any) -> None:
        super().__init__(*sizes, **arguments)
        window = Window(self.kernel_size, self.stride, self.padding, self.dilation, self.group)
        self.window = window
        self.entry: nn.Cell | None = None
        self.fixed: nn.Cell | None = None
        self.convolve = convolution.ConvolveWithBias(window) if self.has_bias else convolution.Convolve(window)

    def construct(self, features: Tensor) -> Tensor:
        if self.entry is not None:
            features = self.entry(features)
        if self.fixed is not None:
            return self.fixed(features, self.weight, self.bias if self.has_bias else None)
        if self.has_bias:
            return self.convolve(features, self.weight, self.bias)
        return self.convolve(features, self.weight)


class OneDnnKernels(Kernels):
    """Network parts with channels-last feature maps, in float32 (``fp32``) or bfloat16 (``bf16``); vectors per image or
    per position are float32."""

    name = "onednn"
    channels_last = True
    convolution_type = Convolution

    def __init__(self, library: Library, precision: str = "fp32") -> None:
        self.norm_type = Norm
        use_library(library.path)
        self.precision = precision
        self.dtype = {"fp32": mindspore.float32, "bf16": mindspore.bfloat16}[precision]

    def for_images(self, layer: nn.Conv2d) -> nn.Conv2d:
        assert isinstance(layer, Convolution)
        layer.entry = maps.ChangeLayout(self.dtype, to_images=False)
        return layer

    def fix(self, model: nn.Cell) -> None:
        for part in [each for _, each in model.cells_and_names()]:
            if isinstance(part, Normalised):
                conv, norm = part.conv, part.norm
                assert isinstance(conv, Convolution)
                assert isinstance(norm, Norm)
                part.folded = Folded(
                    conv.entry, prediction.ConvolveAndNormalise(conv.window, norm.epsilon, norm.finish)
                )
            elif isinstance(part, Convolution):
                part.fixed = prediction.ConvolveFixed(part.window)

    def maximum_pool(self, kernel: int, stride: int, padding: int | None = 0) -> nn.Cell:
        return MaximumPool(_pool_window(kernel, stride, padding))

    def mean_pool(self, kernel: int, stride: int, padding: int | None = 0) -> nn.Cell:
        return pooling.PoolMean(_pool_window(kernel, stride, padding))

    def fork(self, ways: int = 2) -> MultiOutput:
        return maps.Fork(ways)

    def concatenation(self) -> nn.Cell:
        return maps.Concatenate()

    def residual(self, scale: float, activate: bool) -> nn.Cell:
        return maps.AddScaled(scale, "_relu" if activate else "")

    def mean(self) -> nn.Cell:
        return maps.Mean(kept=True)

    def maximum(self) -> nn.Cell:
        return maps.Maximum()

    def across_channels(self) -> nn.Cell:
        return maps.AcrossChannels()

    def gate(self, of: str) -> nn.Cell:
        return Gate(of)

    def gate_by_both(self) -> nn.Cell:
        return GateByBoth()

    def embedding(self) -> nn.Cell:
        return maps.Mean(kept=False)

    def plain_maps(self) -> nn.Cell:
        return maps.ChangeLayout(self.dtype, to_images=True)


def _pool_window(kernel: int, stride: int, padding: int | None) -> Window:
    sides = None if padding is None else four_sides(padding)
    return Window((kernel, kernel), (stride, stride), sides)


class Norm(nn.BatchNorm2d):
    """MindSpore's batch normalisation, with the same parameters, fused with the operations that follow it.

    Attributes:
        assigns: updates its statistics itself. A training step that returns them with the gradients turns this off:
            assignments between the reading of a weight and its update make MindSpore copy every weight in every step.
    """

    def __init__(self, channels: int, epsilon: float, activate: bool) -> None:
        super().__init__(channels, eps=epsilon)
        self.epsilon = epsilon
        self.finish = finish = "_relu" if activate else ""
        self.assigns = True
        self.settings = Tensor([epsilon, KEPT], mindspore.float32)
        self.in_training = normalisation.Normalise(finish, training=True)
        self.otherwise = normalisation.Normalise(finish, training=False)
        self.in_training_and_add = normalisation.NormaliseAndAdd(training=True)
        self.otherwise_and_add = normalisation.NormaliseAndAdd(training=False)

    def construct(self, features: Tensor, added: Tensor | None = None) -> Tensor:
        own = self.gamma, self.beta, (self.moving_mean, self.moving_variance, self.settings)
        if not self.training:
            if added is None:
                return self.otherwise(features, *own)[0]
            return self.otherwise_and_add(features, *own, added)[0]
        if added is None:
            features, _, mean, variance = self.in_training(features, *own)
        else:
            features, _, mean, variance = self.in_training_and_add(features, *own, added)
        if self.assigns:
            ops.assign(self.moving_mean, mean)
            ops.assign(self.moving_variance, variance)
        return features


class Folded(nn.Cell):
    """`ConvolveAndNormalise` of the output of `entry`, in the first convolution of a network."""

    def __init__(self, entry: nn.Cell | None, convolve: prediction.ConvolveAndNormalise) -> None:
        super().__init__()
        self.entry = entry
        self.convolve = convolve

    def construct(self, features: Tensor, *given: Tensor | None) -> Tensor:
        if self.entry is not None:
            features = self.entry(features)
        return self.convolve(features, *given)


class MaximumPool(nn.Cell):
    """Max pooling."""

    def __init__(self, window: Window) -> None:
        super().__init__()
        self.pool = pooling.PoolMaximum(window)

    def construct(self, features: Tensor) -> Tensor:
        return self.pool(features)[0]


class Gate(nn.Cell):
    """See `Kernels.gate`."""

    def __init__(self, of: str) -> None:
        super().__init__()
        self.gate = gates.Gate(of)
        self.gate_and_add = gates.GateAndAdd(of)

    def construct(self, features: Tensor, logits: Tensor, added: Tensor | None = None) -> Tensor:
        return self.gate(features, logits) if added is None else self.gate_and_add(features, logits, added)


class GateByBoth(nn.Cell):
    """See `Kernels.gate_by_both`; results of convolutions have the type of the feature maps, logits are float32."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = gates.GateByBoth()

    def construct(self, features: Tensor, channels: Tensor, positions: Tensor) -> Tensor:
        return self.gate(features, channels, positions.float())
