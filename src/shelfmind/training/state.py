"""The state of a training run, for resuming after a kill at any moment."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from mindspore import Parameter

from shelfmind.arrays import Floats
from shelfmind.errors import UserError
from shelfmind.models.checkpoint import (
    Checkpoint,
    fill_parameters,
    load_checkpoint,
    require_same_tensors,
    save_checkpoint,
)
from shelfmind.runs.folder import RunFolder
from shelfmind.training.clock import EpochPlan
from shelfmind.training.watching import EpochEntry


@dataclass
class Position:
    """The progress of a training run: all state that is not a tensor.

    `epoch_seconds` are the durations of whole epochs by image size, of which `validation_seconds` are for validation;
    `saving_s` is the duration of saving at the end of the last epoch, which comes on top.
    """

    progress: float = 0.0
    epoch: int = 0
    plan: EpochPlan | None = None
    step_in_epoch: int = 0
    step: int = 0
    elapsed_s: float = 0.0
    loss_sum: float = 0.0
    epoch_elapsed_s: float = 0.0
    best_top1: float | None = None
    best_size: int | None = None
    epoch_seconds: dict[str, float] = field(default_factory=dict)
    validation_seconds: dict[str, float] = field(default_factory=dict)
    saving_s: float = 0.0
    history: list[EpochEntry] = field(default_factory=list)

    def finish_epoch(self, entry: EpochEntry) -> None:
        """Advance to the start of the next epoch."""
        assert self.plan is not None
        self.elapsed_s += self.epoch_elapsed_s
        self.progress, self.epoch = self.plan.end, self.plan.epoch + 1
        self.plan, self.step_in_epoch, self.loss_sum, self.epoch_elapsed_s = None, 0, 0.0, 0.0
        self.history.append(entry)

    def to_text(self) -> str:
        """As JSON."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def from_text(cls, text: str) -> Position:
        """From `to_text`."""
        try:
            content = json.loads(text)
            plan = content["plan"]
            return cls(**{**content, "plan": None if plan is None else EpochPlan(**plan)})
        except (ValueError, KeyError, TypeError) as error:
            raise UserError(f"the training state is from another version of shelfmind: {error}") from error


@dataclass(frozen=True)
class Tensors:
    """The tensors of a training run by role: model, optimizer, averaged weights, loss scaler.

    `tables` are those that are not parameters of a network: the rows of all classes where a step trains a sample of
    them, named role/name.
    """

    groups: dict[str, dict[str, Parameter]]
    tables: dict[str, Floats] = field(default_factory=dict)

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Copies of all tensors, and the tables themselves, named role/name."""
        copies = {
            f"{role}/{name}": np.array(parameter.asnumpy())
            for role, parameters in self.groups.items()
            for name, parameter in parameters.items()
        }
        return {**copies, **self.tables}

    def save(self, run: RunFolder, kind: str, position: Position) -> None:
        """Write `state.ckpt` atomically."""
        save_checkpoint(run.state, Checkpoint(self.arrays(), kind, position.to_text()))

    def load(self, run: RunFolder, kind: str) -> Position:
        """Read `state.ckpt` into the tensors and return the position."""
        checkpoint = load_checkpoint(run.state, kind)
        flat = {f"{role}/{name}": p for role, group in self.groups.items() for name, p in group.items()}
        require_same_tensors({**flat, **self.tables}, checkpoint.arrays, run.state)
        fill_parameters(flat, {name: checkpoint.arrays[name] for name in flat}, run.state)
        for name, table in self.tables.items():
            table[...] = checkpoint.arrays[name]
        return Position.from_text(checkpoint.note)
