"""The requests of `audit` and `review`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from shelfmind.requests.request import Flag, Incidental, Positional, Request
from shelfmind.requests.shared import Data, Format, Ray, Workers, require_cluster, require_path

Language = Literal["en", "zh"]


class AuditRequest(Request):
    """The data set to audit, and optionally a run to predict its labels."""

    details: ClassVar[str] = (
        "Measured images are cached: if interrupted, run the same command again. On a Ray cluster, the workers measure "
        "the images; this process does the rest."
    )
    examples: ClassVar[tuple[str, ...]] = (
        "shelfmind audit photos --out audit/",
        "shelfmind audit photos --run runs/first --out audit/ --overwrite",
        "shelfmind audit photos --out audit/ --ray auto --workers 16",
    )

    data: Data
    out: Annotated[Path, Incidental] = Field(description="Folder to create for the report and the tables.")
    run: Path | None = Field(
        None,
        description="Also check the labels with the predictions of this run, or with "
        "an output folder of find-label-errors.",
    )
    overwrite: bool = Field(False, description="Replace an earlier audit in the output folder.")
    seed: int = Field(0, ge=0, description="Seed of the random split. Ignored if the data set comes with a split.")
    format: Format = None
    ray: Ray = None
    workers: Workers = None

    @model_validator(mode="after")
    def _workers_of_a_cluster(self) -> AuditRequest:
        require_cluster(self.ray, self.workers)
        return self

    def require_inputs(self) -> None:
        """Check that the data exists."""
        require_path(self.data)


class ReviewRequest(Request):
    """The audit to review, the reviewer, and the address of the page."""

    details: ClassVar[str] = (
        "Each decision is written to the log before the page confirms it. Several reviewers can share a log. Without a "
        "browser, write the decisions to AUDIT/review.jsonl, one JSON object per line; docs/data.md shows the format."
    )
    examples: ClassVar[tuple[str, ...]] = (
        "shelfmind review audit",
        "shelfmind review audit --reviewer Wang --lang zh --no-browser --port 9000",
    )

    audit: Annotated[Path, Positional()] = Field(
        description="Output folder of `shelfmind audit`, `find-label-errors` or `gallery discover`."
    )
    data: Path | None = Field(
        None, description="New location of the data set (or of the gallery of a discovery) if it was moved."
    )
    log: Path | None = Field(None, description="File to append decisions to. Defaults to review.jsonl in AUDIT.")
    reviewer: str | None = Field(None, description="Name recorded with your decisions. Defaults to your login name.")
    port: int | None = Field(
        None,
        ge=0,
        le=65535,
        description="Port to listen on. 0 picks a free port. Defaults to 8765, or a free port if 8765 is taken.",
    )
    language: Annotated[Language | None, Flag("--lang")] = Field(
        None, description="Language of the page: en or zh. Defaults to that of the browser."
    )
    browser: Annotated[bool, Flag("--browser/--no-browser")] = Field(True, description="Open the page in a browser.")
