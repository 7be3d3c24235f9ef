"""What `expand` takes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, Field, field_validator

from shelfmind.errors import UserError, argument
from shelfmind.requests.request import Flag
from shelfmind.requests.shared import Data
from shelfmind.requests.training import RecipeRequest

PLAN_FILE, RESULT_FILE, REPORT_FILE = "plan.json", "expansion.json", "report.html"


def _numbers(value: Any) -> Any:
    """The parts of ``1,3,5,8``."""
    return tuple(part.strip() for part in value.split(",")) if isinstance(value, str) else value


class ExpandRequest(RecipeRequest):
    """Which classes come later, and by how many photos they are enrolled."""

    details: ClassVar[str] = (
        "Trains on the other classes, enrols photos of these and judges by photos that nothing was fitted to: test, or "
        "val where there is no test. What is finished is not done again."
    )
    examples: ClassVar[tuple[str, ...]] = (
        "shelfmind expand photos --recipe grocery_cpu --max-minutes 60 --out expansion",
        "shelfmind expand photos --unseen 0.25 --shots 1,3,5,8 --seeds 3 --out expansion",
    )

    data: Data
    out: Path = Field(description="folder for runs, figures and the page, or one to go on with")
    unseen: float = Field(0.25, gt=0, lt=1, description="share of the classes that are not trained")
    shots: Annotated[tuple[int, ...], Flag(metavar="N,...", repeated=False), BeforeValidator(_numbers)] = Field(
        (1, 3, 5, 8), description="photos that each of them is enrolled with"
    )
    seeds: int = Field(3, ge=1, description="choices of classes, each with a training of its own")
    draws: int = Field(5, ge=1, description="choices of the photos to enrol, for each number of them")
    false_accepts: float = Field(0.05, gt=0, lt=1, description="share of unknown objects that may be given a name")

    @field_validator("shots")
    @classmethod
    def _ascending(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if not value or min(value) < 1:
            raise UserError(f"{argument('shots')} must be numbers from 1 on, such as 1,3,5,8")
        return tuple(sorted(set(value)))

    def advice_when_stopped(self) -> str | None:
        """Seeds that are done are kept."""
        return "what is finished is kept. Go on with the same command" if (self.out / PLAN_FILE).exists() else None
