"""The losses by name: functions of logits (N, classes) and soft targets (N, classes) that give a scalar."""

from __future__ import annotations

from collections.abc import Callable

from mindspore import Tensor

from shelfmind.errors import unknown_name
from shelfmind.losses.cross_entropy import cross_entropy
from shelfmind.recipe import LossRecipe

Loss = Callable[[Tensor, Tensor], Tensor]
LOSSES: dict[str, Callable[[LossRecipe], Loss]] = {"cross_entropy": cross_entropy}


def build_loss(recipe: LossRecipe) -> Loss:
    """The loss that a recipe names."""
    if recipe.name not in LOSSES:
        raise unknown_name("loss", recipe.name, LOSSES)
    return LOSSES[recipe.name](recipe)
