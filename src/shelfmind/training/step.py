"""One training step as a compiled graph: forward, backward, clip, update, average."""

from __future__ import annotations

from collections.abc import Callable

import mindspore
from mindspore import Parameter, ParameterTuple, Tensor, nn, ops

from shelfmind.losses import Loss

Step = Callable[[Tensor, Tensor, Tensor], Tensor]


def build_step(
    model: nn.Cell,
    averaged: nn.Cell,
    optimizer: nn.Optimizer,
    loss: Loss,
    clip_norm: float | None = None,
    scaler: LossScaler | None = None,
) -> Step:
    """A function (images, targets, averaging decay) -> loss that changes `model`, `optimizer` and `averaged`.

    `averaged` takes decay * averaged + (1 - decay) * model for every trainable parameter and running statistic
    (Polyak averaging; Tarvainen and Valpola, NeurIPS 2017).
    """
    source = ParameterTuple(list(model.get_parameters()))
    target = ParameterTuple(list(averaged.get_parameters()))
    average = ops.HyperMap()

    def forward(images: Tensor, targets: Tensor) -> Tensor:
        logits, _ = model(images)
        value = loss(logits, targets)
        return value if scaler is None else scaler.scale_up(value)

    gradient = mindspore.value_and_grad(forward, None, optimizer.parameters)

    @mindspore.jit
    def step(images: Tensor, targets: Tensor, decay: Tensor) -> Tensor:
        value, gradients = gradient(images, targets)
        finite = Tensor(True)
        if scaler is not None:
            value, gradients = scaler.scale_down(value, gradients)
            finite = scaler.adjust(gradients)
        if clip_norm is not None:
            gradients = ops.clip_by_global_norm(gradients, clip_norm)
        if finite:
            optimizer(gradients)
        average(ops.partial(_average, decay), target, source)
        return value

    return step


class LossScaler(nn.Cell):
    """Dynamic loss scaling for float16 gradients: halved when one overflows, doubled after `patience` good steps
    (Micikevicius et al., "Mixed Precision Training", ICLR 2018, section 3.2)."""

    def __init__(self, initial: float = 2.0**14, patience: int = 2000) -> None:
        super().__init__()
        self.scale = Parameter(Tensor(initial, mindspore.float32), name="scaler.scale", requires_grad=False)
        self.good_steps = Parameter(Tensor(0, mindspore.int32), name="scaler.good_steps", requires_grad=False)
        self.patience = patience

    def scale_up(self, value: Tensor) -> Tensor:
        """The loss that gradients are taken of."""
        return value * self.scale

    def scale_down(self, value: Tensor, gradients: tuple[Tensor, ...]) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Loss and gradients as they would be without scaling."""
        inverse = 1.0 / self.scale
        return value * inverse, ops.HyperMap()(ops.partial(_times, inverse), gradients)

    def adjust(self, gradients: tuple[Tensor, ...]) -> Tensor:
        """Whether all gradients are finite; the scale follows."""
        finite = mindspore.amp.all_finite(gradients)
        good = ops.select(finite, self.good_steps + 1, ops.zeros_like(self.good_steps))
        grow = good >= self.patience
        scale = ops.select(finite, ops.select(grow, self.scale * 2.0, self.scale), self.scale * 0.5)
        ops.assign(self.scale, ops.maximum(scale, Tensor(1.0, mindspore.float32)))
        ops.assign(self.good_steps, ops.select(grow, ops.zeros_like(good), good))
        return finite


def _average(decay: Tensor, target: Parameter, source: Parameter) -> Tensor:
    return ops.assign_add(target, (source - target) * (1 - decay))


def _times(factor: Tensor, gradient: Tensor) -> Tensor:
    return gradient * factor
