"""The request of `expand`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, Field, field_validator

from shelfmind.errors import UserError, argument
from shelfmind.requests.request import Flag
from shelfmind.requests.shared import Data, MaxMinutes
from shelfmind.requests.training import RecipeRequest

PLAN_FILE, RESULT_FILE, REPORT_FILE = "plan.json", "expansion.json", "report.html"


def _numbers(value: Any) -> Any:
    """Split ``1,3,5,8`` into its parts."""
    return tuple(part.strip() for part in value.split(",")) if isinstance(value, str) else value


class ExpandRequest(RecipeRequest):
    """Which classes to hold out for enrolment, and with how many photos."""

    details: ClassVar[str] = (
        "Evaluates on held-out photos: the test split, or val if there is no test split. Finished work is reused."
    )
    examples: ClassVar[tuple[str, ...]] = (
        "shelfmind expand photos --recipe grocery_cpu --max-minutes 60 --out expansion",
        "shelfmind expand photos --unseen 0.25 --shots 1,3,5,8 --seeds 3 --out expansion",
    )

    data: Data
    out: Path = Field(description="Folder for runs, results and the report. An existing one is resumed.")
    max_minutes: MaxMinutes = Field(None, description="Time budget in minutes per training run.")
    unseen: float = Field(0.25, gt=0, lt=1, description="Share of the classes to hold out of training.")
    shots: Annotated[tuple[int, ...], Flag(metavar="N,...", repeated=False), BeforeValidator(_numbers)] = Field(
        (1, 3, 5, 8), description="Numbers of photos to enrol per new product."
    )
    seeds: int = Field(
        3, ge=1, description="Number of random choices of the held-out classes. Each needs a training run."
    )
    draws: int = Field(5, ge=1, description="Random choices of the enrolled photos for each number of shots.")
    false_accepts: float = Field(
        0.05, gt=0, lt=1, description="Maximum share of unknown objects that may be accepted as a product."
    )

    @field_validator("shots")
    @classmethod
    def _ascending(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if not value or min(value) < 1:
            raise UserError(f"{argument('shots')} must be positive numbers, such as 1,3,5,8")
        return tuple(sorted(set(value)))

    def advice_when_stopped(self) -> str | None:
        """Finished seeds are kept."""
        return "progress is saved. Run the same command again to resume" if (self.out / PLAN_FILE).exists() else None
