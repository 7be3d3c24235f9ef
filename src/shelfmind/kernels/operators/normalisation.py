"""Batch normalisation fused with the operations that follow it."""

from __future__ import annotations

from mindspore import Tensor, ops

from shelfmind.kernels.operators.custom import Shape, like, operator
from shelfmind.kernels.stock import MultiOutput

Tensors = tuple[Tensor, ...]
Fixed = tuple[Tensor, Tensor, Tensor]


def _trained(maps: Shape, *_: Shape) -> Shape:
    channels = maps[-1]
    return maps, (2, channels), (channels,), (channels,)


def _fixed(maps: Shape, *_: Shape) -> Shape:
    return maps, (2, maps[-1])


TRAINED, FIXED = (_trained, like(0, 1, 1, 1)), (_fixed, like(0, 1))
"""Shapes and types of the outputs; gamma, the second input, is float32."""


class Normalise(MultiOutput):
    """Batch normalisation, then `finish`: "" or "_relu".

    `fixed` are the inputs without gradients: moving mean and variance, and settings (epsilon and the momentum of the
    moving statistics). Returns the feature maps, the statistics used, and in training the updated moving mean and
    variance. `bprop` also returns these in place of the moving statistics' gradients, of which there are none, so that
    a training step receives them together with all gradients.
    """

    def __init__(self, finish: str, training: bool) -> None:
        super().__init__()
        name = f"{'' if training else 'fixed_'}norm{finish}"
        self.run = operator(name, *(TRAINED if training else FIXED))
        self.back = operator(f"{name}_back", like(0, 2, 2))

    def construct(self, maps: Tensor, gamma: Tensor, beta: Tensor, fixed: Fixed) -> tuple[Tensor, ...]:
        return self.run(maps, gamma, beta, *fixed)

    def bprop(
        self, maps: Tensor, gamma: Tensor, beta: Tensor, fixed: Fixed, out: Tensors, change: Tensors
    ) -> tuple[Tensor | Fixed, ...]:
        of_maps, of_gamma, of_beta = self.back(maps, change[0], gamma, beta, out[1])
        return of_maps, of_gamma, of_beta, _moved(fixed, out)


class NormaliseAndAdd(MultiOutput):
    """`Normalise`, addition of other feature maps, ReLU."""

    def __init__(self, training: bool) -> None:
        super().__init__()
        name = f"{'' if training else 'fixed_'}norm_add_relu"
        self.run = operator(name, *(TRAINED if training else FIXED))
        self.back = operator(f"{name}_back", like(0, 2, 2, 0))

    def construct(self, maps: Tensor, gamma: Tensor, beta: Tensor, fixed: Fixed, added: Tensor) -> tuple[Tensor, ...]:
        return self.run(maps, gamma, beta, *fixed, added)

    def bprop(
        self, maps: Tensor, gamma: Tensor, beta: Tensor, fixed: Fixed, added: Tensor, out: Tensors, change: Tensors
    ) -> tuple[Tensor | Fixed, ...]:
        of_maps, of_gamma, of_beta, of_added = self.back(maps, change[0], gamma, beta, out[1], out[0])
        return of_maps, of_gamma, of_beta, _moved(fixed, out), of_added


def _moved(fixed: Fixed, out: Tensors) -> Fixed:
    mean, variance, settings = fixed
    if len(out) == 2:  # not in training
        return ops.zeros_like(mean), ops.zeros_like(variance), ops.zeros_like(settings)
    return out[2], out[3], ops.zeros_like(settings)
