"""What is trained for a row and a seed: steps that are known by all that decides their outcome."""

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
    """A run to be made: by training, pretraining, averaging snapshots or fitting to larger images.

    `recipe` is that of a training and has no test-time views, which change no weight. `minutes` is the budget, None
    where epochs end the training; `source` is the run that it starts from or is made of, `teachers` those that it
    learns from. `of` holds what else the kind needs: ``broader``, ``size`` and ``epochs``, ``rule``.
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
        """What decides the outcome, but for the data, this version and, where minutes end it, the machine."""
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
        """Its epochs or minutes alone, without what it starts from."""
        if self.minutes is not None:
            return self.minutes
        if self.kind == "fixres":
            return float(dict(self.of)["epochs"])
        return 0.0 if self.recipe is None else float(self.recipe.train.epochs)

    def with_all_before(self) -> Iterator[Step]:
        """All steps that it needs, each once, those first that others need; itself last."""
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
        """Its name in a store: two steps of the same one give the same run."""
        told = f"{version('shelfmind')}|{data}|{cores if self._timed else ''}|{self.text}"
        return hashlib.sha256(told.encode()).hexdigest()[:16]

    @property
    def _timed(self) -> bool:
        return any(step.minutes is not None for step in self.with_all_before())


@dataclass(frozen=True)
class Answer:
    """How a cell is judged: by the last runs of `steps` (several: their mean), with views and what is done to them."""

    steps: tuple[Step, ...]
    views: tuple[str, ...]
    logit_adjust: float | None = None
    temperature: bool = False

    def all_steps(self) -> list[Step]:
        """Every step that is needed, each once and after those that it needs."""
        return list(dict.fromkeys(each for step in self.steps for each in step.with_all_before()))

    def digest(self, data: str, cores: int, split: str) -> str:
        """Its name in a store."""
        runs = [step.digest(data, cores) for step in self.steps]
        told = json.dumps([runs, self.views, self.logit_adjust, self.temperature, split])
        return hashlib.sha256(told.encode()).hexdigest()[:16]


def _contents(recipe: Recipe) -> dict[str, str]:
    """Checksums of weights and teachers that a recipe names by their places, so that others there are others."""
    named = [*recipe.distillation.teachers, *([recipe.model.weights] if recipe.model.weights else [])]
    places = {name: Path(name).expanduser() for name in named}
    files = {name: place / "weights.ckpt" if place.is_dir() else place for name, place in places.items()}
    return {name: file_sha256(file) for name, file in files.items() if file.is_file()}
