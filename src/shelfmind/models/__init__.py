"""The networks by name; each maps images (N, 3, H, W) to logits (N, classes) and an embedding (N, D)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from shelfmind.errors import UserError, unknown_name
from shelfmind.kernels.stock import STOCK, Kernels
from shelfmind.models.generated import NAME as GENERATED
from shelfmind.models.generated import find_generated
from shelfmind.models.inception_resnet_v2 import InceptionResNetV2
from shelfmind.models.initialisation import initialise
from shelfmind.models.mindcv_models import PREFIX, create_mindcv_model
from shelfmind.models.network import Network
from shelfmind.models.official import OFFICIAL, find_official
from shelfmind.models.resnet import ResNet
from shelfmind.models.weights import Start, load_arrays
from shelfmind.progress import Counter, count_silently

BOTTLENECK: dict[str, Any] = {"block": "bottleneck", "depths": (3, 4, 6, 3)}
RESNEXT: dict[str, Any] = {**BOTTLENECK, "groups": 32, "group_width": 4}

_PLAIN: dict[str, Callable[..., Network]] = {
    "inception_resnet_v2": InceptionResNetV2,
    "resnet50": partial(ResNet, **BOTTLENECK),
    "resnet50_bam": partial(ResNet, **BOTTLENECK, attention="bam"),
    "resnet50_cbam": partial(ResNet, **BOTTLENECK, attention="cbam"),
    "resnext50": partial(ResNet, **RESNEXT),
    "se_resnet50": partial(ResNet, **BOTTLENECK, attention="se"),
    "se_resnext50": partial(ResNet, **RESNEXT, attention="se"),
}

MODELS: dict[str, Callable[..., Network]] = {
    "shelfnet_s": partial(
        ResNet, widths=(32, 64, 128, 256), stem_name="light", attention="se", reduction=8, pooled_shortcut=True
    ),
    "resnet18": ResNet,
    "resnet34": partial(ResNet, depths=(3, 4, 6, 3)),
    "resnet101": partial(ResNet, block="bottleneck", depths=(3, 4, 23, 3)),
    **_PLAIN,
    **{f"{name}_wider": partial(build, last_stage_width=2) for name, build in _PLAIN.items()},
}
"""``_wider`` is the contest solution's variant: the last stage, and thus the embedding, is twice as wide."""


def create_model(
    name: str,
    num_classes: int,
    seed: int = 0,
    weights: str | Path | None = None,
    kernels: Kernels = STOCK,
    **arguments: Any,
) -> Network:
    """The network called `name`, or a MindCV network for ``mindcv:NAME``.

    Weights are initialised from `seed`, or loaded from `weights` (a file, a name in `official.OFFICIAL`, or
    `generated`); a classifier for another number of classes is always initialised. `kernels` create the parts of
    shelfmind's networks; MindCV networks use MindSpore's.

    Raises:
        UserError: an unknown name or argument, fewer than two classes, or weights that do not fit.
    """
    start = None if weights is None else read_start(weights, name)
    if start is not None:
        arguments = {**start.arguments(arguments), **arguments}
    if num_classes < 2:
        raise UserError(f"a classifier must have at least 2 classes, got {num_classes}")
    if name.startswith(PREFIX):
        model = create_mindcv_model(name.removeprefix(PREFIX), num_classes, seed, **arguments)
    elif name in MODELS:
        try:
            model = MODELS[name](num_classes=num_classes, kernels=kernels, **arguments)
        except (TypeError, KeyError, ValueError) as error:
            raise UserError(f"model {name} cannot be built with {arguments}: {error}") from error
        initialise(model, seed)
    else:
        raise unknown_name("model", name, MODELS)
    if start is not None:
        load_arrays(model, start.arrays, start.path)
    return model


def read_start(weights: str | Path, model: str, offline: bool = False, counter: Counter = count_silently) -> Start:
    """The initial weights for a network called `model`: a file, official weights by name, or `generated` ones."""
    if str(weights) == GENERATED:
        return Start(find_generated(model), shipped=True)
    if str(weights) in OFFICIAL:
        official = str(weights)
        if official != model:
            raise UserError(f"the official weights {official} belong to another architecture than {model}")
        return Start(find_official(official, offline, counter), OFFICIAL[official].url)
    path = Path(weights).expanduser()
    if not path.exists():
        near = unknown_name("weights", str(weights), [*OFFICIAL, GENERATED])
        raise UserError(f"there is no file {weights}; {near}")
    return Start(path / "weights.ckpt" if path.is_dir() else path, for_mindcv=model.startswith(PREFIX))
