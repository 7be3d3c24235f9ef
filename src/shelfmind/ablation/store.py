"""Where runs and results lie: once each, by what they are made of, for all tables of a folder."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from shelfmind.ablation.steps import Answer, Step
from shelfmind.evaluation.outcomes import Outcomes
from shelfmind.files import write_atomically, write_json

RUNS, RESULTS, LISTS = "runs", "results", "data"
"""The folders beside those of tables; the last is of lists of the data set, with its split or with wrong labels."""


@dataclass(frozen=True)
class Cost:
    """What a run has cost so far, work that a kill undid left out: `seconds` as a clock tells them, `processor_s` of
    all cores, the most memory that its process had; on so many `cores`; `done` if it is finished."""

    seconds: float = 0.0
    processor_s: float = 0.0
    memory_mib: float = 0.0
    cores: int = 0
    done: bool = False


@dataclass(frozen=True)
class StepPlace:
    """The folder of one step: its run, what it cost, and a lock for who works on it."""

    folder: Path

    @property
    def run(self) -> Path:
        """The run folder."""
        return self.folder / "run"

    @property
    def lock(self) -> Path:
        """Held by who works on it."""
        return self.folder / "lock"

    @property
    def cost(self) -> Cost:
        """What it has cost; a file that is damaged says nothing."""
        try:
            return Cost(**json.loads((self.folder / "cost.json").read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return Cost()

    def keep_cost(self, cost: Cost) -> None:
        """Write it down."""
        write_json(self.folder / "cost.json", asdict(cost))


@dataclass(frozen=True)
class Result:
    """What a cell says of the images that judge: `outcomes` in the order of their paths, of which `images` is a digest,
    and how long an image takes once it is decoded."""

    images: str
    outcomes: Outcomes
    seconds_an_image: float

    def save(self, path: Path) -> None:
        """Write it whole or not at all."""
        write_atomically(path, self._fill)

    def _fill(self, path: Path) -> None:
        with open(path, "wb") as stream:
            arrays = {name: np.asarray(value) for name, value in vars(self.outcomes).items()}
            np.savez(
                stream, images=np.asarray(self.images), seconds_an_image=np.asarray(self.seconds_an_image), **arrays
            )

    @classmethod
    def load(cls, path: Path) -> Result | None:
        """Read it; None if it is not there, or not whole."""
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
                arrays = {name: archive[name] for name in Outcomes.__dataclass_fields__}
                images, seconds = str(archive["images"]), float(archive["seconds_an_image"])
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            return None
        return cls(images, Outcomes(**{**arrays, "classes": int(arrays["classes"])}), seconds)


def digest_of_paths(paths: Sequence[str]) -> str:
    """By which images are known to be the same."""
    return hashlib.sha256("\n".join(paths).encode("utf-8", "surrogateescape")).hexdigest()


@dataclass(frozen=True)
class Store:
    """The runs and results of a folder, for one data set, one judging split and so many cores a training."""

    root: Path
    data: str
    split: str
    cores: int

    def place(self, step: Step) -> StepPlace:
        """Where a step's run lies."""
        return StepPlace(self.root / RUNS / step.digest(self.data, self.cores))

    def result(self, answer: Answer) -> Path:
        """Where a cell's result lies."""
        return self.root / RESULTS / f"{answer.digest(self.data, self.cores, self.split)}.npz"

    def describe(self, step: Step) -> Mapping[str, Any]:
        """What a step is, for its folder: a name that is a digest tells people nothing."""
        source = None if step.source is None else self.place(step.source).folder.name
        teachers = [self.place(each).folder.name for each in step.teachers]
        return {**step.key, "source": source, "teachers": teachers, "data": self.data}
