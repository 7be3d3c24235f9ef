"""The request of `prepare`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, model_validator

from shelfmind.errors import UserError, argument, call
from shelfmind.requests.request import Flag, Incidental, Request
from shelfmind.requests.shared import Data, Format, MaxBadFraction, require_path, require_run


def _caps(value: Any) -> Any:
    """Parse a mapping, or texts such as ``others=2000``; class names may contain =."""
    caps = dict(value) if isinstance(value, Mapping) else {}
    for word in () if isinstance(value, Mapping) else value:
        name, _, number = str(word).rpartition("=")
        if not name or not number.isdecimal():
            raise UserError(f"{argument('caps')} must have the form CLASS=N, such as others=2000, got {word!r}")
        caps[name] = int(number)
    return caps


class PrepareRequest(Request):
    """How to make a clean copy of a data set."""

    details: ClassVar[str] = "DATA is never modified. The same input gives the same bytes."
    examples: ClassVar[tuple[str, ...]] = (
        "shelfmind prepare photos --decisions audit/review.jsonl --out clean",
        "shelfmind prepare rp2k --cap others=2000 --fraction 0.2 --jpeg --out small",
        "shelfmind prepare photos --audit audit --drop-duplicates --drop-leaks --mindrecord --out clean",
    )

    data: Data
    out: Annotated[Path, Incidental] = Field(description="Folder to create for the clean data set.")
    decisions: tuple[Path, ...] = Field((), description="Decisions of a review: review.jsonl.")
    prefer: Annotated[tuple[str, ...], Flag(metavar="REVIEWER")] = Field(
        (), description="Reviewer to follow in case of contradictory decisions."
    )
    prefer_latest: bool = Field(False, description="Follow the latest of contradictory decisions.")
    ignore_missing_decisions: bool = Field(False, description="Skip decisions whose image is missing or has changed.")
    others: str | None = Field(None, description="Class that the decision 'others' refers to.")
    new_classes: Annotated[tuple[str, ...], Flag("--new-class")] = Field(
        (), description="New class that decisions may introduce."
    )
    classes_of: Path | None = Field(None, description="Run whose classes decisions may introduce.")
    audit: Path | None = Field(None, description="Audit of DATA, for duplicates and leaks.")
    drop_duplicates: bool = Field(False, description="Keep one image of each group of duplicates.")
    drop_leaks: bool = Field(
        False, description="Drop training images that are also in val or test, and val images that are also in test."
    )
    merge_same_names: bool = Field(False, description="Merge classes whose names are equal after normalisation.")
    fraction: float | None = Field(
        None, gt=0, le=1, description="Keep this share of each class and split, but at least one image."
    )
    caps: Annotated[
        dict[str, Annotated[int, Field(ge=1)]],
        Flag("--cap", metavar="CLASS=N", repeated=True),
        BeforeValidator(_caps),
    ] = Field({}, description="Keep at most N training images of a class.")
    cap_all: int | None = Field(None, ge=1, description="Keep at most this many training images of every other class.")
    val_fraction: float | None = Field(
        None, ge=0, lt=1, description="Split again: share of each class for val; 0 for no val split."
    )
    test_fraction: float | None = Field(
        None,
        ge=0,
        lt=1,
        description="Split again: share of each class for test; 0 for no test split. By default test is unchanged.",
    )
    split_floor: int = Field(
        1, ge=0, description="Minimum number of images per class in val and test, if they are split again."
    )
    jpeg: bool = Field(False, description="Convert PNG and other formats to JPEG, quality 95.")
    link: Literal["auto", "hard", "symbolic", "copy"] = Field(
        "auto", description="How to place images. auto: hard links where possible, else copies."
    )
    mindrecord: bool = Field(False, description="Also write MindRecord shards.")
    image_size: int = Field(256, ge=16, le=4096, description="Size of the square MindRecord images in pixels.")
    seed: int = Field(0, ge=0, description="Seed of sampling and splits.")
    max_bad_fraction: MaxBadFraction = 1.0
    format: Format = None

    @model_validator(mode="after")
    def _leaves_training_images(self) -> PrepareRequest:
        held_out = (self.val_fraction or 0) + (self.test_fraction or 0)
        if held_out >= 1:
            shares = f"{argument('val_fraction')} and {argument('test_fraction')}"
            raise UserError(f"{shares} must sum to less than 1, got {held_out:g}")
        return self

    @property
    def splits_again(self) -> bool:
        """Whether a new split is wanted."""
        return self.val_fraction is not None or self.test_fraction is not None

    def require_inputs(self) -> None:
        """Check that the data and the decisions exist."""
        require_path(self.data)
        if self.classes_of is not None:
            require_run(self.classes_of)
        for path in self.decisions:
            if not path.is_file():
                writes = call("review", audit="AUDIT")
                raise UserError(f"there are no decisions at {path}; write them to AUDIT/review.jsonl with: {writes}")
