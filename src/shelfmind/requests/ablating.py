"""What `ablate` and `ablations` take."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, model_validator

from shelfmind.errors import UserError, argument
from shelfmind.requests.request import Flag, Incidental, Positional, Request
from shelfmind.requests.shared import (
    DATA_SET,
    MAX_BAD_FRACTION,
    Format,
    MaxBadFraction,
    MaxMinutes,
    Overrides,
    require_one_length,
    require_path,
)

PLAN_FILE, RESULT_FILE, REPORT_FILE = "plan.json", "ablation.json", "report.html"
MOST_SEEDS = 100


def _seeds(value: Any) -> Any:
    """0, 1 and 2 of ``3``; these very ones of ``4,7``."""
    if isinstance(value, str) and "," in value:
        value = [part.strip() for part in value.split(",") if part.strip()]
    elif isinstance(value, str) and value.strip().isdecimal():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        if not 1 <= value <= MOST_SEEDS:
            raise UserError(f"{argument('seeds')} must be a number from 1 to {MOST_SEEDS}, or seeds such as 4,7")
        return tuple(range(value))
    return value


def _text(value: Any) -> Any:
    return os.fspath(value) if isinstance(value, Path) else value


Seed = Annotated[int, Field(ge=0)]


class AblateRequest(Request):
    """A table, the data that it is about, and how much is trained for it."""

    details: ClassVar[str] = (
        "Every row is a change of the base recipe. Each is trained for each seed, in a process of its own; what is "
        "finished is not done again, and tables in the same folder share their runs. The folder gets a page, Markdown, "
        "CSV and JSON: mean, spread over seeds, difference to the base with its interval, time and cost. A row that "
        "fails does not stop the others; the exit status is then 1."
    )
    examples: ClassVar[tuple[str, ...]] = (
        "shelfmind ablate augmentation --data photos --seeds 3 --out ablations",
        "shelfmind ablate mine.yaml --data photos --seeds 1,2,3 --epochs 20 --out ablations",
        "shelfmind ablate capacity --data photos --max-minutes 30 --jobs 2 --out ablations",
    )

    table: Annotated[str, Positional(), BeforeValidator(_text)] = Field(
        description="a name from `shelfmind ablations`, or a YAML file"
    )
    data: Annotated[Path, Incidental] = Field(description=DATA_SET)
    out: Annotated[Path, Incidental] = Field(description="folder for runs and tables, or one to go on with")
    seeds: Annotated[
        tuple[Seed, ...],
        Flag(metavar="N|SEED,SEED,...", repeated=False, written=lambda seeds: str(len(seeds))),
        BeforeValidator(_seeds),
    ] = Field((0, 1, 2), min_length=1, description="how many trainings each row gets, or their seeds")
    recipe: Annotated[str | None, Flag(metavar="NAME|FILE"), BeforeValidator(_text)] = Field(
        None, description="base recipe instead of the table's"
    )
    overrides: Overrides = Field((), description="change the base recipe, rows then change that")
    epochs: int | None = Field(
        None, ge=1, description=f"of the base, instead of its recipe's; not with {argument('max_minutes')}"
    )
    max_minutes: MaxMinutes = Field(
        None, description="compare at equal minutes instead of equal epochs: so many a row and seed"
    )
    split: Literal["val", "test"] | None = Field(
        None, description="images that judge; test if the data has such, else val"
    )
    jobs: Annotated[int, Incidental] = Field(
        1,
        ge=1,
        description="trainings side by side, each with its share of the cores; with one, times are those of a training "
        "that has the machine to itself",
    )
    offline: Annotated[bool, Incidental] = Field(False, description="never download weights")
    max_bad_fraction: MaxBadFraction = MAX_BAD_FRACTION
    format: Format = None

    @model_validator(mode="after")
    def _one_length_and_each_seed_once(self) -> AblateRequest:
        require_one_length(self.epochs, self.max_minutes)
        twice = next((seed for seed in self.seeds if self.seeds.count(seed) > 1), None)
        if twice is not None:
            raise UserError(f"{argument('seeds')} has {twice} twice; a second training of it would be the first again")
        return self

    def require_inputs(self) -> None:
        """The data is there."""
        require_path(self.data)

    def advice_when_stopped(self) -> str | None:
        """Trainings go on where they were."""
        begun = (self.out / "runs").exists()
        return "what is trained so far is kept. Go on with the same command" if begun else None


class AblationsRequest(Request):
    """Which tables are listed."""

    examples: ClassVar[tuple[str, ...]] = ("shelfmind ablations", "shelfmind ablations augmentation > mine.yaml")

    name: Annotated[str | None, Positional()] = Field(None, description="show this table whole")
