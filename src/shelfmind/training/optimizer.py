"""The optimizers by name; weight decay acts on weights of two or more dimensions only."""

from __future__ import annotations

from collections.abc import Callable

import mindspore
from mindspore import Parameter, Tensor, nn, ops

from shelfmind.recipe import TrainRecipe


class NesterovMomentum(nn.Optimizer):
    """Stochastic gradient descent with Nesterov momentum (Sutskever et al., ICML 2013).

    v <- momentum * v + g; w <- w - rate * (g + momentum * v). MindSpore's own `nn.Momentum` ignores `use_nesterov` on
    CPU (2.8.0).
    """

    def __init__(self, groups: list[dict[str, object]], rate: float, momentum: float) -> None:
        super().__init__(rate, groups)
        self.momentum = Tensor(momentum, mindspore.float32)
        self.velocities = self._parameters.clone(prefix="velocity", init="zeros")
        self.map = ops.HyperMap()

    def construct(self, gradients: tuple[Tensor, ...]) -> bool:
        gradients = self.decay_weight(gradients)
        move = ops.partial(_move, self.get_lr(), self.momentum)
        self.map(move, self._parameters, self.velocities, gradients)
        return True


def _move(rate: Tensor, momentum: Tensor, weight: Parameter, velocity: Parameter, gradient: Tensor) -> Tensor:
    speed = momentum * velocity + gradient
    ops.assign(velocity, speed)
    return ops.assign_add(weight, -rate * (gradient + momentum * speed))


def sgd(groups: list[dict[str, object]], recipe: TrainRecipe) -> nn.Optimizer:
    """See `NesterovMomentum`."""
    return NesterovMomentum(groups, recipe.lr, recipe.momentum)


def adamw(groups: list[dict[str, object]], recipe: TrainRecipe) -> nn.Optimizer:
    """Adam with decoupled weight decay (Loshchilov and Hutter, ICLR 2019)."""
    return nn.AdamWeightDecay(groups, recipe.lr)


OPTIMIZERS: dict[str, Callable[[list[dict[str, object]], TrainRecipe], nn.Optimizer]] = {"sgd": sgd, "adamw": adamw}


def build_optimizer(parameters: list[Parameter], recipe: TrainRecipe) -> nn.Optimizer:
    """The optimizer of a recipe; no decay on normalisations and biases (He et al., "Bag of Tricks", section 3.1)."""
    decayed = [parameter for parameter in parameters if parameter.ndim > 1]
    others = [parameter for parameter in parameters if parameter.ndim <= 1]
    groups: list[dict[str, object]] = [
        {"params": decayed, "weight_decay": recipe.weight_decay},
        {"params": others, "weight_decay": 0.0},
        {"order_params": parameters},
    ]
    return OPTIMIZERS[recipe.optimizer](groups, recipe)
