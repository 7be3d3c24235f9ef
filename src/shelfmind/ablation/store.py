"""The store of runs and results of a folder, addressed by content and shared by all its tables."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from shelfmind.ablation.steps import Answer, Step
from shelfmind.evaluation.outcomes import Outcomes
from shelfmind.files import write_atomically, write_json
from shelfmind.structured_text import parse_json

RUNS, RESULTS, LISTS = "runs", "results", "data"
"""Folders next to those of tables; the last holds lists of the data set with a fixed split or label noise."""


@dataclass(frozen=True)
class Cost:
    """The cost of a run so far, without work lost by a kill: wall-clock `seconds`, `processor_s` of all cores, peak
    memory, number of `cores`, and kernels with their precision, such as ``onednn bf16``; `done` if it is finished."""

    seconds: float = 0.0
    processor_s: float = 0.0
    memory_mib: float = 0.0
    cores: int = 0
    done: bool = False
    kernels: str = ""


@dataclass(frozen=True)
class StepPlace:
    """The folder of one step: its run, its cost and a lock."""

    folder: Path

    @property
    def run(self) -> Path:
        """The run folder."""
        return self.folder / "run"

    @property
    def lock(self) -> Path:
        """The lock of the process that works on it."""
        return self.folder / "lock"

    @property
    def cost(self) -> Cost:
        """The cost so far; zero if the file is missing or damaged."""
        try:
            return Cost(**parse_json((self.folder / "cost.json").read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return Cost()

    @property
    def done(self) -> bool:
        """Whether its run is finished and still here."""
        return self.cost.done and self.run.is_dir()

    def keep_cost(self, cost: Cost) -> None:
        """Write the cost."""
        write_json(self.folder / "cost.json", asdict(cost))


@dataclass(frozen=True)
class Result:
    """The result of a cell: `outcomes` in the order of the image paths, `images`, a digest of these paths, and the
    prediction time per decoded image."""

    images: str
    outcomes: Outcomes
    seconds_an_image: float

    def save(self, path: Path) -> None:
        """Write the result atomically."""
        write_atomically(path, self._fill)

    def _fill(self, path: Path) -> None:
        with open(path, "wb") as stream:
            arrays = {name: np.asarray(value) for name, value in vars(self.outcomes).items()}
            np.savez(
                stream, images=np.asarray(self.images), seconds_an_image=np.asarray(self.seconds_an_image), **arrays
            )

    @classmethod
    def load(cls, path: Path) -> Result | None:
        """Read a result; None if it is missing or damaged."""
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
                arrays = {name: archive[name] for name in Outcomes.__dataclass_fields__}
                images, seconds = str(archive["images"]), float(archive["seconds_an_image"])
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            return None
        return cls(images, Outcomes(**{**arrays, "classes": int(arrays["classes"])}), seconds)


def digest_of_paths(paths: Sequence[str]) -> str:
    """The digest that identifies a set of images."""
    return hashlib.sha256("\n".join(paths).encode("utf-8", "surrogateescape")).hexdigest()


@dataclass(frozen=True)
class Store:
    """The runs and results of a folder, for one data set, one evaluation split and a number of cores per run."""

    root: Path
    data: str
    split: str
    cores: int

    def place(self, step: Step) -> StepPlace:
        """The folder of a step."""
        return StepPlace(self.root / RUNS / step.digest(self.data, self.cores))

    def result(self, answer: Answer) -> Path:
        """The file of the result of a cell."""
        return self.root / RESULTS / f"{answer.digest(self.data, self.cores, self.split)}.npz"

    def describe(self, step: Step) -> Mapping[str, Any]:
        """A readable description of a step for its folder, whose name is a digest."""
        source = None if step.source is None else self.place(step.source).folder.name
        teachers = [self.place(each).folder.name for each in step.teachers]
        return {**step.key, "source": source, "teachers": teachers, "data": self.data}
