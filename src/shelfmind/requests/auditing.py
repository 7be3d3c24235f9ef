"""What `audit` and `review` take."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from shelfmind.requests.request import Flag, Incidental, Positional, Request
from shelfmind.requests.shared import Data, Format, require_path

Language = Literal["en", "zh"]


class AuditRequest(Request):
    """Which data set is looked at, and who else is asked."""

    examples: ClassVar[tuple[str, ...]] = (
        "shelfmind audit photos --out audit/",
        "shelfmind audit photos --run runs/first --out audit/ --overwrite",
    )

    data: Data
    out: Annotated[Path, Incidental] = Field(description="folder to make for the report and the tables")
    run: Path | None = Field(None, description="also ask this run, or what find-label-errors made, about every image")
    overwrite: bool = Field(False, description="replace an earlier audit in that folder")
    seed: int = Field(0, ge=0, description="of the split, where the data has none")
    format: Format = None

    def require_inputs(self) -> None:
        """The data is there."""
        require_path(self.data)


class ReviewRequest(Request):
    """What is reviewed, by whom, where the page is served."""

    details: ClassVar[str] = (
        "Every decision is on the disk in the log before the page confirms it. Several reviewers may share one log."
    )
    examples: ClassVar[tuple[str, ...]] = (
        "shelfmind review audit",
        "shelfmind review audit --reviewer Wang --lang zh --no-browser --port 9000",
    )

    audit: Annotated[Path, Positional()] = Field(
        description="a folder that `shelfmind audit`, `find-label-errors` or `gallery discover` made"
    )
    data: Path | None = Field(None, description="where the data set, or a discovery's gallery, lies now, if moved")
    log: Path | None = Field(None, description="append decisions to this file; review.jsonl in AUDIT if not given")
    reviewer: str | None = Field(None, description="the name on your decisions; your login name if not given")
    port: int | None = Field(
        None, ge=0, le=65535, description="of this machine; 0: any free one; 8765 or any if not given"
    )
    language: Annotated[Language | None, Flag("--lang")] = Field(
        None, description="en or zh; as the browser asks if not given"
    )
    browser: Annotated[bool, Flag("--browser/--no-browser")] = Field(True, description="open the page in a browser")
