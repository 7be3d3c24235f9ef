"""The request of `find_label_errors`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import Field

from shelfmind.requests.request import Incidental
from shelfmind.requests.shared import Data, MaxMinutes
from shelfmind.requests.training import RecipeRequest

PLAN_FILE = "plan.json"


class FindLabelErrorsRequest(RecipeRequest):
    """The labels to check, and how to train the networks that check them."""

    details: ClassVar[str] = (
        "A fold whose network does not clearly beat guessing is left out. If interrupted, run the same command "
        "again to resume. Nothing in the data set is changed: review flagged images with `shelfmind review`."
    )
    examples: ClassVar[tuple[str, ...]] = (
        "shelfmind find-label-errors photos --out labels",
        "shelfmind find-label-errors photos --folds 5 --max-minutes 60 --out labels",
        "shelfmind find-label-errors photos --recipe rp2k/se_resnext50 --weights se_resnext50 --epochs 10 --out labels",
    )

    data: Data
    out: Annotated[Path, Incidental] = Field(description="Folder to create. An existing one is resumed.")
    max_minutes: MaxMinutes = Field(None, description="Time budget in minutes for all folds together.")
    folds: int = Field(
        5,
        ge=2,
        description="Number of cross-validation folds. Each fold trains one network and checks the held-out images.",
    )

    def advice_when_stopped(self) -> str | None:
        """Finished folds and epochs are kept."""
        begun = (self.out / PLAN_FILE).exists()
        return "progress is saved. Run the same command again to resume" if begun else None
