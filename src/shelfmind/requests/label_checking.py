"""What `find_label_errors` takes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import Field

from shelfmind.requests.request import Incidental
from shelfmind.requests.shared import Data
from shelfmind.requests.training import RecipeRequest

PLAN_FILE = "plan.json"


class FindLabelErrorsRequest(RecipeRequest):
    """Which labels are judged, and by what networks."""

    details: ClassVar[str] = (
        "A network that does not clearly beat guessing judges nothing. Stopped at any moment, the same command "
        "goes on. Nothing is changed or deleted: look through what is flagged with `shelfmind review`."
    )
    examples: ClassVar[tuple[str, ...]] = (
        "shelfmind find-label-errors photos --out labels",
        "shelfmind find-label-errors photos --folds 5 --max-minutes 60 --out labels",
        "shelfmind find-label-errors photos --recipe rp2k/se_resnext50 --weights se_resnext50 --epochs 10 --out labels",
    )

    data: Data
    out: Annotated[Path, Incidental] = Field(description="folder to make, or to go on with")
    folds: int = Field(5, ge=2, description="networks to train; each judges what it never saw")

    def advice_when_stopped(self) -> str | None:
        """Folds and epochs that are done are kept."""
        begun = (self.out / PLAN_FILE).exists()
        return "finished folds and epochs are kept. Go on with the same command" if begun else None
