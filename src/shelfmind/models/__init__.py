"""The networks by name; every one maps images (N, 3, H, W) to logits (N, classes) and an embedding (N, D)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from mindspore import nn

from shelfmind.errors import UserError, unknown_name
from shelfmind.models.initialisation import initialise
from shelfmind.models.resnet import ResNet

MODELS: dict[str, Callable[..., nn.Cell]] = {
    "shelfnet_s": partial(
        ResNet, widths=(32, 64, 128, 256), stem_name="light", attention="se", reduction=8, pooled_shortcut=True
    ),
    "resnet18": ResNet,
    "resnet50": partial(ResNet, block="bottleneck", depths=(3, 4, 6, 3)),
    "se_resnext50": partial(ResNet, block="bottleneck", depths=(3, 4, 6, 3), groups=32, group_width=4, attention="se"),
}


def create_model(name: str, num_classes: int, seed: int = 0, **arguments: Any) -> nn.Cell:
    """The network called `name` with weights drawn from `seed`.

    Raises:
        UserError: an unknown name or argument, or fewer than two classes.
    """
    if name not in MODELS:
        raise unknown_name("model", name, MODELS)
    if num_classes < 2:
        raise UserError(f"a classifier needs at least 2 classes, not {num_classes}")
    try:
        model = MODELS[name](num_classes=num_classes, **arguments)
    except (TypeError, KeyError, ValueError) as error:
        raise UserError(f"model {name} cannot be built with {arguments}: {error}") from error
    initialise(model, seed)
    return model


def list_models() -> list[str]:
    """The names that `create_model` takes."""
    return sorted(MODELS)
