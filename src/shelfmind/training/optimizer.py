"""The optimizers by name; weight decay applies only to weights of two or more dimensions."""

from __future__ import annotations

from collections.abc import Callable

import mindspore
from mindspore import Parameter, Tensor, nn, ops

from shelfmind.recipe import TrainRecipe

BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-8


class NesterovMomentum(nn.Optimizer):
    """Stochastic gradient descent with Nesterov momentum (Sutskever et al., ICML 2013).

    v <- momentum * v + g; w <- w - rate * (g + momentum * v). MindSpore's `nn.Momentum` ignores `use_nesterov` on CPU
    (2.8.0).
    """

    def __init__(self, groups: list[dict[str, object]], rate: float, momentum: float) -> None:
        super().__init__(rate, groups)
        self.momentum = Tensor(momentum, mindspore.float32)
        self.velocities = self._parameters.clone(prefix="velocity", init="zeros")
        self.map = ops.HyperMap()

    def states_of(self, parameter: Parameter) -> list[Parameter]:
        """The moving averages of a parameter's gradients."""
        return [self.velocities[_position(self, parameter)]]

    def construct(self, gradients: tuple[Tensor, ...]) -> bool:
        gradients = self.decay_weight(gradients)
        move = ops.partial(_update_weight, self.get_lr(), self.momentum)
        self.map(move, self._parameters, self.velocities, gradients)
        return True


def _update_weight(rate: Tensor, momentum: Tensor, weight: Parameter, velocity: Parameter, gradient: Tensor) -> Tensor:
    speed = momentum * velocity + gradient
    ops.assign(velocity, speed)
    return ops.assign_add(weight, -rate * (gradient + momentum * speed))


class AdamW(nn.Optimizer):
    """Adam with decoupled weight decay (Loshchilov and Hutter, ICLR 2019, algorithm 2; the decay is multiplied by the
    rate).

    MindSpore's `nn.AdamWeightDecay` omits the bias correction of both moments (2.8.0).
    """

    def __init__(self, groups: list[dict[str, object]], rate: float) -> None:
        super().__init__(rate, groups)
        self.means = self._parameters.clone(prefix="mean", init="zeros")
        self.squares = self._parameters.clone(prefix="square", init="zeros")
        self.count = Parameter(Tensor(0.0, mindspore.float32), name="adamw.count", requires_grad=False)
        self.map = ops.HyperMap()

    def states_of(self, parameter: Parameter) -> list[Parameter]:
        """The moving averages of a parameter's gradients."""
        position = _position(self, parameter)
        return [self.means[position], self.squares[position]]

    def construct(self, gradients: tuple[Tensor, ...]) -> bool:
        count = ops.assign_add(self.count, Tensor(1.0, mindspore.float32))
        adapt = ops.partial(
            _adapt,
            self.get_lr(),
            1 - ops.pow(Tensor(BETA_1, mindspore.float32), count),
            1 - ops.pow(Tensor(BETA_2, mindspore.float32), count),
        )
        self.map(adapt, self.get_weight_decay(), self._parameters, self.means, self.squares, gradients)
        return True


def _adapt(
    rate: Tensor,
    mean_share: Tensor,
    square_share: Tensor,
    decay: Tensor,
    weight: Parameter,
    mean: Parameter,
    square: Parameter,
    gradient: Tensor,
) -> Tensor:
    new_mean = BETA_1 * mean + (1 - BETA_1) * gradient
    new_square = BETA_2 * square + (1 - BETA_2) * gradient * gradient
    ops.assign(mean, new_mean)
    ops.assign(square, new_square)
    direction = new_mean / mean_share / (ops.sqrt(new_square / square_share) + EPSILON)
    return ops.assign_add(weight, -rate * (direction + decay * weight))


def _position(optimizer: nn.Optimizer, parameter: Parameter) -> int:
    return [id(each) for each in optimizer.parameters].index(id(parameter))


def sgd(groups: list[dict[str, object]], recipe: TrainRecipe) -> NesterovMomentum:
    """See `NesterovMomentum`."""
    return NesterovMomentum(groups, recipe.peak_lr, recipe.momentum)


def adamw(groups: list[dict[str, object]], recipe: TrainRecipe) -> AdamW:
    """See `AdamW`."""
    return AdamW(groups, recipe.peak_lr)


Optimizer = NesterovMomentum | AdamW
OPTIMIZERS: dict[str, Callable[[list[dict[str, object]], TrainRecipe], Optimizer]] = {"sgd": sgd, "adamw": adamw}


def build_optimizer(parameters: list[Parameter], recipe: TrainRecipe) -> Optimizer:
    """The optimizer of a recipe; no weight decay on normalisations and biases (He et al., "Bag of Tricks", section
    3.1)."""
    decayed = [parameter for parameter in parameters if parameter.ndim > 1]
    others = [parameter for parameter in parameters if parameter.ndim <= 1]
    groups: list[dict[str, object]] = [
        {"params": group, "weight_decay": decay}
        for group, decay in ((decayed, recipe.weight_decay), (others, 0.0))
        if group  # a cosine classifier alone has no bias
    ]
    return OPTIMIZERS[recipe.optimizer]([*groups, {"order_params": parameters}], recipe)
