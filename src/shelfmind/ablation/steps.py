"""The steps of a row and seed, identified by everything that affects their outcome."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from shelfmind.machine.checksums import file_sha256
from shelfmind.recipe import Recipe

Kind = Literal["train", "pretrain", "soup", "fixres"]


@dataclass(frozen=True)
class Step:
    """A run to produce: by training, pretraining, averaging snapshots or FixRes.

    `recipe` is for training and has no test-time views, which do not affect weights. `minutes` is the time budget, None
    if training is limited by epochs; `source` is the run to start from, `teachers` are those to distil from. `of` holds
    further arguments of the kind: ``broader`` with its checksum, ``size`` and ``epochs``, ``rule``.
    """

    kind: Kind
    recipe: Recipe | None
    seed: int
    minutes: float | None = None
    wrong_labels: float = 0.0
    source: Step | None = None
    teachers: tuple[Step, ...] = ()
    of: tuple[tuple[str, Any], ...] = ()

    @cached_property
    def key(self) -> dict[str, Any]:
        """Everything that affects the outcome, except the data, the version and, with a time budget, the machine."""
        return {
            "kind": self.kind,
            "recipe": None if self.recipe is None else self.recipe.dump(),
            "files": {} if self.recipe is None else _contents(self.recipe),
            "seed": self.seed,
            "minutes": self.minutes,
            "wrong_labels": self.wrong_labels,
            "source": None if self.source is None else self.source.key,
            "teachers": [teacher.key for teacher in self.teachers],
            "of": dict(self.of),
        }

    @property
    def length(self) -> float:
        """Its epochs or minutes, without earlier steps."""
        if self.minutes is not None:
            return self.minutes
        if self.kind == "fixres":
            return float(dict(self.of)["epochs"])
        return 0.0 if self.recipe is None else float(self.recipe.train.epochs)

    def with_all_before(self) -> Iterator[Step]:
        """All steps that it requires, each once, in order of dependency, ending with itself."""
        seen: set[Step] = set()
        for before in (*([] if self.source is None else [self.source]), *self.teachers):
            for each in before.with_all_before():
                if each not in seen:
                    seen.add(each)
                    yield each
        yield self

    def __hash__(self) -> int:
        return hash(self.text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Step) and self.text == other.text

    @cached_property
    def text(self) -> str:
        """The key as text."""
        return json.dumps(self.key, sort_keys=True)

    def digest(self, data: str, cores: int) -> str:
        """Its name in a store: equal steps share a run."""
        identity = f"{version('shelfmind')}|{data}|{cores if self._timed else ''}|{self.text}"
        return hashlib.sha256(identity.encode()).hexdigest()[:16]

    @property
    def _timed(self) -> bool:
        return any(step.minutes is not None for step in self.with_all_before())


@dataclass(frozen=True)
class Answer:
    """How a cell predicts: with the last runs of `steps` (several: averaged), with views and adjustments."""

    steps: tuple[Step, ...]
    views: tuple[str, ...]
    logit_adjust: float | None = None
    temperature: bool = False

    def all_steps(self) -> list[Step]:
        """All required steps, each once, in order of dependency."""
        return list(dict.fromkeys(each for step in self.steps for each in step.with_all_before()))

    def digest(self, data: str, cores: int, split: str) -> str:
        """Its name in a store."""
        runs = [step.digest(data, cores) for step in self.steps]
        identity = json.dumps([runs, self.views, self.logit_adjust, self.temperature, split])
        return hashlib.sha256(identity.encode()).hexdigest()[:16]


def _contents(recipe: Recipe) -> dict[str, str]:
    """Checksums of weights and teachers that a recipe refers to by path, so that replaced files are detected."""
    named = [*recipe.distillation.teachers, *([recipe.model.weights] if recipe.model.weights else [])]
    paths = {name: Path(name).expanduser() for name in named}
    files = {name: place / "weights.ckpt" if place.is_dir() else place for name, place in paths.items()}
    return {name: file_sha256(file) for name, file in files.items() if file.is_file()}
