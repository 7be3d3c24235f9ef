"""The requests of `ablate` and `ablations`."""

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
MAX_SEEDS = 100


def _seeds(value: Any) -> Any:
    """Parse ``3`` as the seeds 0, 1 and 2, and ``4,7`` as exactly these seeds."""
    if isinstance(value, str) and "," in value:
        return [part.strip() for part in value.split(",") if part.strip()]
    number = int(value) if isinstance(value, str) and value.strip().isdecimal() else value
    if isinstance(number, str) or (type(number) is int and not 1 <= number <= MAX_SEEDS):
        raise UserError(f"{argument('seeds')} must be a number from 1 to {MAX_SEEDS}, or seeds such as 4,7")
    if type(number) is int:
        return tuple(range(number))
    return value


def _text(value: Any) -> Any:
    return os.fspath(value) if isinstance(value, Path) else value


Seed = Annotated[int, Field(ge=0)]


class AblateRequest(Request):
    """An ablation table, its data set and its training budget."""

    details: ClassVar[str] = (
        "Each row of the table changes the base recipe and is trained once per seed, in a separate process. "
        "Finished runs are reused, also by other tables in the same folder. Writes an HTML report, Markdown, CSV "
        "and JSON with the mean, the spread over seeds, the difference from the base with its confidence "
        "interval, and the training time. If a row fails, the others continue and the exit status is 1."
    )
    examples: ClassVar[tuple[str, ...]] = (
        "shelfmind ablate augmentation --data photos --seeds 3 --out ablations",
        "shelfmind ablate mine.yaml --data photos --seeds 1,2,3 --epochs 20 --out ablations",
        "shelfmind ablate capacity --data photos --max-minutes 30 --jobs 2 --out ablations",
    )

    table: Annotated[str, Positional(), BeforeValidator(_text)] = Field(
        description="Name from `shelfmind ablations`, or a YAML file."
    )
    data: Annotated[Path, Incidental] = Field(description=DATA_SET)
    out: Annotated[Path, Incidental] = Field(description="Folder for runs and tables. An existing one is resumed.")
    seeds: Annotated[
        tuple[Seed, ...],
        Flag(metavar="N|SEED,SEED,...", repeated=False, written=lambda seeds: str(len(seeds))),
        BeforeValidator(_seeds),
    ] = Field((0, 1, 2), min_length=1, description="Number of seeds per row, or the seeds themselves.")
    recipe: Annotated[str | None, Flag(metavar="NAME|FILE"), BeforeValidator(_text)] = Field(
        None, description="Base recipe. Defaults to that of the table."
    )
    overrides: Overrides = Field((), description="Override a value of the base recipe.")
    epochs: int | None = Field(
        None,
        ge=1,
        description=f"Epochs of the base. Defaults to those of its recipe. Excludes {argument('max_minutes')}.",
    )
    max_minutes: MaxMinutes = Field(
        None, description="Time budget in minutes per row and seed: compare at equal time instead of equal epochs."
    )
    split: Literal["val", "test"] | None = Field(
        None, description="Split to evaluate on. Defaults to test if there is one, else val."
    )
    jobs: Annotated[int, Incidental] = Field(
        1,
        ge=1,
        description="Parallel training runs, which share the cores. Use 1 for meaningful training times.",
    )
    offline: Annotated[bool, Incidental] = Field(False, description="Do not download weights.")
    max_bad_fraction: MaxBadFraction = MAX_BAD_FRACTION
    format: Format = None

    @model_validator(mode="after")
    def _one_length_and_each_seed_once(self) -> AblateRequest:
        require_one_length(self.epochs, self.max_minutes)
        twice = next((seed for seed in self.seeds if self.seeds.count(seed) > 1), None)
        if twice is not None:
            raise UserError(f"{argument('seeds')} contains {twice} twice; the second run would repeat the first")
        return self

    def require_inputs(self) -> None:
        """Check that the data exists."""
        require_path(self.data)

    def advice_when_stopped(self) -> str | None:
        """Training runs resume where they stopped."""
        begun = (self.out / "runs").exists()
        return "progress is saved. Run the same command again to resume" if begun else None


class AblationsRequest(Request):
    """Which tables to list."""

    examples: ClassVar[tuple[str, ...]] = ("shelfmind ablations", "shelfmind ablations augmentation > mine.yaml")

    name: Annotated[str | None, Positional()] = Field(None, description="Show this table as YAML.")
