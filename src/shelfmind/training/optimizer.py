"""The optimizers by name; weight decay acts on weights of two or more dimensions only."""

from __future__ import annotations

from collections.abc import Callable

from mindspore import Parameter, nn

from shelfmind.recipe import TrainRecipe


def sgd(groups: list[dict[str, object]], recipe: TrainRecipe) -> nn.Optimizer:
    """Stochastic gradient descent with Nesterov momentum (Sutskever et al., ICML 2013)."""
    return nn.Momentum(groups, recipe.lr, recipe.momentum, use_nesterov=True)


def adamw(groups: list[dict[str, object]], recipe: TrainRecipe) -> nn.Optimizer:
    """Adam with decoupled weight decay (Loshchilov and Hutter, ICLR 2019)."""
    return nn.AdamWeightDecay(groups, recipe.lr)


OPTIMIZERS: dict[str, Callable[[list[dict[str, object]], TrainRecipe], nn.Optimizer]] = {"sgd": sgd, "adamw": adamw}


def build_optimizer(parameters: list[Parameter], recipe: TrainRecipe) -> nn.Optimizer:
    """The optimizer of a recipe, without decay on normalisations and biases (He et al., "Bag of Tricks", section 3.1)."""
    decayed = [parameter for parameter in parameters if parameter.ndim > 1]
    others = [parameter for parameter in parameters if parameter.ndim <= 1]
    groups: list[dict[str, object]] = [
        {"params": decayed, "weight_decay": recipe.weight_decay},
        {"params": others, "weight_decay": 0.0},
        {"order_params": parameters},
    ]
    return OPTIMIZERS[recipe.optimizer](groups, recipe)
