"""One training step as a compiled graph: forward, backward, clip, update, average."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

import mindspore
import numpy as np
from mindspore import Parameter, ParameterTuple, Tensor, nn, ops
from mindspore.ops.auto_generate import SplitWithSize

from shelfmind.kernels.stock import MultiOutput
from shelfmind.losses import Loss
from shelfmind.models.network import Trainable
from shelfmind.training.optimizer import NesterovMomentum

Step = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]


def build_step(
    model: Trainable,
    averages: Sequence[tuple[Parameter, Parameter]],
    optimizer: nn.Optimizer,
    loss: Loss,
    clip_norm: float | None = None,
    scaler: LossScaler | None = None,
    micro_batch_size: int | None = None,
    fused: bool = False,
    processes: int = 1,
) -> Step:
    """A function (images, targets, averaging decay, progress) -> loss that updates `model`, `optimizer` and `averages`.

    `averages` are the parameters of `model` with their averages. An average becomes decay * average + (1 - decay) *
    parameter (Polyak averaging; Tarvainen and Valpola, NeurIPS 2017). With `micro_batch_size`, gradients are
    accumulated over micro-batches before the update; batch normalisation then uses micro-batch statistics, so a single
    image left over joins the last micro-batch. `fused` updates and averages in one pass with a compiled operator, for
    the optimizer `NesterovMomentum` without a `scaler`. With `processes`, gradients and losses are averaged over all of
    them, and so are the moving statistics if `fused`.
    """
    source = ParameterTuple([parameter for parameter, _ in averages])
    target = ParameterTuple([average for _, average in averages])
    each = ops.HyperMap()

    def forward(images: Tensor, targets: Tensor, progress: Tensor) -> Tensor:
        logits, embeddings = model(images)
        value = loss(logits, embeddings, targets, progress)
        return value if scaler is None else scaler.scale_up(value)

    statistics = _taken_statistics(model, optimizer) if fused and micro_batch_size is None else []
    at_once = FusedUpdate(optimizer, statistics, source, target) if fused else None
    trained = len(optimizer.parameters)
    gradient = mindspore.value_and_grad(forward, None, ParameterTuple([*optimizer.parameters, *statistics]))

    shapes = [parameter.shape for parameter in (*optimizer.parameters, *statistics)]
    averaging = AverageOverProcesses(processes, shapes) if processes > 1 else None

    def update(value: Tensor, found: tuple[Tensor, ...], decay: Tensor) -> Tensor:
        if averaging is not None:
            averages = averaging(value, found)
            value, found = averages[0], averages[1:]
        gradients, moved = found[:trained], found[trained:]
        finite = Tensor(True)
        if scaler is not None:
            value, gradients = scaler.scale_down(value, gradients)
            finite = scaler.adjust(gradients)
        if clip_norm is not None:
            gradients = ops.clip_by_global_norm(gradients, clip_norm)
        if at_once is not None:
            updated: Tensor = ops.depend(value, at_once(gradients, moved, decay))
            return updated
        if finite:
            optimizer(gradients)
        each(ops.partial(_average, decay), target, source)
        return value

    @mindspore.jit
    def step(images: Tensor, targets: Tensor, decay: Tensor, progress: Tensor) -> Tensor:
        value, found = gradient(images, targets, progress)
        return update(value, found, decay)

    if micro_batch_size is None:
        return step
    sums = ParameterTuple(optimizer.parameters).clone(prefix="gradient_sum", init="zeros")

    @mindspore.jit
    def add(images: Tensor, targets: Tensor, progress: Tensor, share: Tensor, first: Tensor) -> Tensor:
        value, gradients = gradient(images, targets, progress)
        each(ops.partial(_add, share, first), sums, gradients)
        return value * share

    @mindspore.jit
    def finish(value: Tensor, decay: Tensor) -> Tensor:
        return update(value, sums, decay)

    def step_in_parts(images: Tensor, targets: Tensor, decay: Tensor, progress: Tensor) -> Tensor:
        total = Tensor(0.0, mindspore.float32)
        starts = range(0, max(1, len(images) - 1), micro_batch_size)
        for start, stop in pairwise([*starts, len(images)]):
            part = slice(start, stop)
            share = Tensor(np.float32(len(images[part]) / len(images)))
            total = total + add(images[part], targets[part], progress, share, Tensor(start == 0))
        return finish(total, decay)

    return step_in_parts


def averages_of(model: nn.Cell, averaged: nn.Cell) -> list[tuple[Parameter, Parameter]]:
    """All parameters of `model` with those of `averaged`, the same network."""
    return list(zip(model.get_parameters(), averaged.get_parameters(), strict=True))


def _taken_statistics(model: nn.Cell, optimizer: nn.Optimizer) -> list[Parameter]:
    """The moving statistics of trained normalisations, which no longer assign them: their new values are returned with
    the gradients, and the update assigns them."""
    from shelfmind.kernels.channels_last import Norm

    trained = {id(parameter) for parameter in optimizer.parameters}
    norms = [cell for _, cell in model.cells_and_names() if isinstance(cell, Norm)]
    taken = [norm for norm in norms if norm.training and id(norm.gamma) in trained]
    for norm in taken:
        norm.assigns = False
    return [each for norm in taken for each in (norm.moving_mean, norm.moving_variance)]


class AverageOverProcesses(MultiOutput):
    """The means of a loss and of its gradients over all processes, exchanged as one array."""

    def __init__(self, processes: int, shapes: list[tuple[int, ...]]) -> None:
        super().__init__()
        self.sum = ops.AllReduce()
        self.share = 1 / processes
        self.shapes = ((), *shapes)
        self.sizes = tuple(math.prod(shape) for shape in self.shapes)
        self.split = SplitWithSize()

    def construct(self, value: Tensor, found: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        flat = ops.concat([value.reshape(1), *[each.reshape(-1) for each in found]])
        flat = self.sum(flat) * self.share
        parts = self.split(flat, self.sizes, 0)
        return tuple([ops.reshape(parts[i], self.shapes[i]) for i in range(len(self.shapes))])


class FusedUpdate(nn.Cell):
    """`NesterovMomentum`, moving statistics, and the averaging of both, in one pass over memory."""

    def __init__(
        self, optimizer: nn.Optimizer, statistics: list[Parameter], source: ParameterTuple, target: ParameterTuple
    ) -> None:
        from shelfmind.kernels.operators.update import update_in_place

        super().__init__()
        assert isinstance(optimizer, NesterovMomentum)
        averages = {id(parameter): average for parameter, average in zip(source, target, strict=True)}
        changed = {id(parameter) for parameter in [*optimizer.parameters, *statistics]}
        others = [parameter for parameter in source if id(parameter) not in changed]
        self.weights = ParameterTuple(optimizer.parameters)
        self.velocities = optimizer.velocities
        self.averages = ParameterTuple([averages[id(parameter)] for parameter in optimizer.parameters])
        self.statistics = ParameterTuple(statistics)
        self.statistics_averages = ParameterTuple([averages[id(parameter)] for parameter in statistics])
        self.others = ParameterTuple(others)
        self.other_averages = ParameterTuple([averages[id(parameter)] for parameter in others])
        self.momentum, self.rate = optimizer.momentum, optimizer.learning_rate
        self.assigned = Tensor(float(len(statistics)), mindspore.float32)
        self.decays = Tensor([float(decay) for decay in optimizer.get_weight_decay()], mindspore.float32)
        self.update = update_in_place()

    def construct(self, gradients: tuple[Tensor, ...], moved: tuple[Tensor, ...], decay: Tensor) -> Tensor:
        numbers = self.momentum, self.rate, decay, self.assigned, self.decays
        trained = self.weights + self.velocities + self.averages + gradients
        assigned = self.statistics + self.statistics_averages + moved
        done: Tensor = self.update(*numbers, *trained, *assigned, *self.other_averages, *self.others)
        return done


class LossScaler(nn.Cell):
    """Dynamic loss scaling for float16 gradients: halved when one overflows, doubled after `patience` good steps
    (Micikevicius et al., "Mixed Precision Training", ICLR 2018, section 3.2)."""

    def __init__(self, initial: float = 2.0**14, patience: int = 2000) -> None:
        super().__init__()
        self.scale = Parameter(Tensor(initial, mindspore.float32), name="scaler.scale", requires_grad=False)
        self.good_steps = Parameter(Tensor(0, mindspore.int32), name="scaler.good_steps", requires_grad=False)
        self.patience = patience

    def scale_up(self, value: Tensor) -> Tensor:
        """The scaled loss, whose gradients are computed."""
        return value * self.scale

    def scale_down(self, value: Tensor, gradients: tuple[Tensor, ...]) -> tuple[Tensor, tuple[Tensor, ...]]:
        """The unscaled loss and gradients."""
        inverse = 1.0 / self.scale
        return value * inverse, ops.HyperMap()(ops.partial(_times, inverse), gradients)

    def adjust(self, gradients: tuple[Tensor, ...]) -> Tensor:
        """Whether all gradients are finite; the scale is adjusted."""
        finite = mindspore.amp.all_finite(gradients)
        good = ops.select(finite, self.good_steps + 1, ops.zeros_like(self.good_steps))
        grow = good >= self.patience
        scale = ops.select(finite, ops.select(grow, self.scale * 2.0, self.scale), self.scale * 0.5)
        ops.assign(self.scale, ops.maximum(scale, Tensor(1.0, mindspore.float32)))
        ops.assign(self.good_steps, ops.select(grow, ops.zeros_like(good), good))
        return finite


def _average(decay: Tensor, target: Parameter, source: Parameter) -> Tensor:
    return ops.assign_add(target, (source - target) * (1 - decay))


def _add(share: Tensor, first: Tensor, total: Parameter, gradient: Tensor) -> Tensor:
    before = ops.select(first, ops.zeros_like(total), total)  # not multiplied by 0: earlier overflows must not persist
    return ops.assign(total, before + share * gradient)


def _times(factor: Tensor, gradient: Tensor) -> Tensor:
    return gradient * factor
