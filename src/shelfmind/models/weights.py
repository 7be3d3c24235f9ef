"""Pretrained weights: MindSpore's official checkpoints and shelfmind's, mapped by name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from mindspore import Tensor, nn

from shelfmind.errors import UserError
from shelfmind.models.checkpoint import read_checkpoint
from shelfmind.nouns import counted, shortened

Arrays = dict[str, npt.NDArray[np.float32]]

MINDCV_NAMES = (
    (r"^(?:conv1|layer0\.0)\.", "stem.0.conv."),
    (r"^(?:bn1|layer0\.1)\.", "stem.0.norm."),
    (r"\.down_?sample\.0\.", ".shortcut.projection.conv."),
    (r"\.down_?sample\.1\.", ".shortcut.projection.norm."),
    (r"\.se_module\.conv_(reduce|expand)\.", r".gate.\1."),
    (r"^classifier\.", "head.classifier."),
)
"""MindCV's names for the parts of ResNet, ResNeXt and their SE variants, and shelfmind's."""
MINDCV_STEMS = ("conv1.", "layer0.")
_NUMBERED = re.compile(r"^layer([1-4])\.(\d+)\.(.*)$")
_IN_BLOCK = re.compile(r"^(conv|bn)([1-3])\.")
_OPTIMIZER = re.compile(
    r"^(moments?\d?|accum|velocity|stat|adam_[mv]|v_?prev|beta[12]_power|ema)\.|"
    r"^(learning_rate|momentum|global_step|epoch_num|step_num|loss_scale|current_iterator_step|last_overflow_.*)$"
)
CLASSIFIERS = ("head.classifier.", "network.classifier.")


@dataclass(frozen=True)
class Start:
    """Initial weights of training: their file, the URL of official ones, whether they are for a MindCV network, which
    keeps its names, and whether they are shipped with shelfmind."""

    path: Path
    url: str | None = None
    for_mindcv: bool = False
    shipped: bool = False

    @property
    def name(self) -> str:
        """Their path, or the file name of named ones."""
        return self.path.name if self.is_named else str(self.path)

    @property
    def is_named(self) -> bool:
        """Whether a recipe refers to them by a name that is valid on every machine instead of a path."""
        return self.shipped or self.url is not None

    @cached_property
    def content(self) -> Arrays:
        """The tensors by their names in the file."""
        return read_arrays(self.path)

    @property
    def arrays(self) -> Arrays:
        """The tensors by their names in shelfmind's network."""
        if self.for_mindcv:
            return {f"network.{name.removeprefix('network.')}": array for name, array in self.content.items()}
        return {our_parameter_name(name): array for name, array in self.content.items()}

    @property
    def backbone(self) -> Arrays:
        """The same without a classifier."""
        return {name: array for name, array in self.arrays.items() if not name.startswith(CLASSIFIERS)}

    def arguments(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """The model arguments that the weights require, in addition to the given ones."""
        if self.for_mindcv:
            return {}
        mindcv = any(name.startswith(MINDCV_STEMS) for name in self.content)
        return {"stem_pool": "same"} if mindcv and "stem_pool" not in given else {}


@dataclass(frozen=True)
class Loaded:
    """The result of loading: tensors loaded, tensors of the model that keep their values, and unused tensors."""

    taken: tuple[str, ...]
    kept: tuple[str, ...]
    left_over: tuple[str, ...]

    def __str__(self) -> str:
        whole = f"{len(self.taken)} of {counted(len(self.taken) + len(self.kept), 'tensor')}"
        others = tuple(name for name in self.kept if not name.startswith(CLASSIFIERS))
        lines = [whole, *(["the classifier starts at random"] if len(others) < len(self.kept) else [])]
        if others:
            lines.append(f"not in the file, start at random: {shortened(others)}")
        if self.left_over:
            lines.append(f"in the file but not used: {shortened(self.left_over)}")
        return "; ".join(lines)


def our_parameter_name(name: str) -> str:
    """Shelfmind's name of a MindCV parameter; its own and unknown names are unchanged."""
    if numbered := _NUMBERED.match(name):
        stage, block, rest = int(numbered[1]) - 1, numbered[2], numbered[3]
        rest = _IN_BLOCK.sub(lambda part: f"branch.{int(part[2]) - 1}.{'conv' if part[1] == 'conv' else 'norm'}.", rest)
        name = f"stages.{stage}.{block}.{rest}"
    for pattern, ours in MINDCV_NAMES:
        name = re.sub(pattern, ours, name)
    return name


def read_arrays(path: Path) -> Arrays:
    """The tensors of a MindSpore checkpoint, without optimizer state.

    Raises:
        UserError: see `read_checkpoint`.
    """
    checkpoint, _ = read_checkpoint(path)
    return {name: array for name, array in checkpoint.arrays.items() if not _OPTIMIZER.match(name)}


def load_arrays(model: nn.Cell, arrays: Mapping[str, npt.NDArray[np.float32]], origin: Path | str) -> Loaded:
    """Set the model's parameters from `arrays`; a classifier for another number of classes keeps its values.

    Squeeze layers that are dense in the file become 1x1 convolutions.

    Raises:
        UserError: a tensor is missing, superfluous or of another shape.
    """
    parameters = {parameter.name: parameter for parameter in model.get_parameters()}
    fitting: Arrays = {}
    for name, array in arrays.items():
        if name in parameters:
            shape = tuple(parameters[name].shape)
            fitting[name] = array.reshape(shape) if shape == (*array.shape, 1, 1) else array
    wrong = [name for name, array in fitting.items() if array.shape != tuple(parameters[name].shape)]
    replaced = {name for name in wrong if name.startswith(CLASSIFIERS)}
    if replaced:
        replaced = {name for name in parameters if name.startswith(CLASSIFIERS)}
    for name in wrong:
        if name not in replaced:
            raise UserError(
                f"{origin}: {name} has shape {arrays[name].shape}, the model's is {tuple(parameters[name].shape)}"
            )
    missing = [name for name in parameters if name not in fitting and not name.startswith(CLASSIFIERS)]
    left_over = [name for name in arrays if name not in parameters]
    if missing:
        hint = f"; the file has {left_over[0]}, which the model lacks" if left_over else ""
        raise UserError(
            f"{origin} belongs to another architecture: it lacks {missing[0]} ({len(missing)} in total){hint}"
        )
    taken = [name for name in fitting if name not in replaced]
    for name in taken:
        parameters[name].set_data(Tensor(np.asarray(fitting[name], np.float32)))
    kept = [name for name in parameters if name not in taken]
    return Loaded(tuple(taken), tuple(kept), tuple(left_over))
