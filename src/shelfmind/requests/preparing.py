"""What `prepare` takes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, model_validator

from shelfmind.errors import UserError, argument, call
from shelfmind.requests.request import Flag, Incidental, Request
from shelfmind.requests.shared import Data, Format, MaxBadFraction, require_path, require_run


def _caps(value: Any) -> Any:
    """A mapping, or texts such as ``others=2000``, where a class's name may hold = as well."""
    caps = dict(value) if isinstance(value, Mapping) else {}
    for word in () if isinstance(value, Mapping) else value:
        name, _, number = str(word).rpartition("=")
        if not name or not number.isdecimal():
            raise UserError(f"{argument('caps')} must be like CLASS=N, such as others=2000, got {word!r}")
        caps[name] = int(number)
    return caps


class PrepareRequest(Request):
    """What becomes of a data set on its way to a clean one."""

    details: ClassVar[str] = "DATA is only read; the same input gives the same bytes."
    examples: ClassVar[tuple[str, ...]] = (
        "shelfmind prepare photos --decisions audit/review.jsonl --out clean",
        "shelfmind prepare rp2k --cap others=2000 --fraction 0.2 --jpeg --out small",
        "shelfmind prepare photos --audit audit --drop-duplicates --drop-leaks --mindrecord --out clean",
    )

    data: Data
    out: Annotated[Path, Incidental] = Field(
        description="folder to make: a clean data set that `shelfmind train` takes"
    )
    decisions: tuple[Path, ...] = Field((), description="review.jsonl of a review")
    prefer: Annotated[tuple[str, ...], Flag(metavar="REVIEWER")] = Field(
        (), description="follow this one in contradictions"
    )
    prefer_latest: bool = Field(False, description="in contradictions, follow the last")
    ignore_missing_decisions: bool = Field(False, description="pass over decisions whose image is gone or changed")
    others: str | None = Field(None, description="the class that the decision 'others' means")
    new_classes: Annotated[tuple[str, ...], Flag("--new-class")] = Field(
        (), description="a class that decisions may add"
    )
    classes_of: Path | None = Field(None, description="a run, whose classes decisions may add, too")
    audit: Path | None = Field(None, description="the audit of DATA, for duplicates and leaks")
    drop_duplicates: bool = Field(False, description="keep one of each picture")
    drop_leaks: bool = Field(False, description="drop training images that are in val or test, val images in test")
    merge_same_names: bool = Field(False, description="join classes that have the same name after normalising")
    fraction: float | None = Field(
        None, gt=0, le=1, description="keep this share of each class and split, at least one image"
    )
    caps: Annotated[
        dict[str, Annotated[int, Field(ge=1)]],
        Flag("--cap", metavar="CLASS=N", repeated=True),
        BeforeValidator(_caps),
    ] = Field({}, description="at most N training images")
    cap_all: int | None = Field(None, ge=1, description="at most so many training images of every other class")
    val_fraction: float | None = Field(None, ge=0, lt=1, description="split anew: this share of each class to val")
    test_fraction: float | None = Field(
        None, ge=0, lt=1, description="split anew: this share to test; without it test stays"
    )
    split_floor: int = Field(1, ge=0, description="images of each class in val and test at least")
    jpeg: bool = Field(False, description="turn PNG and other images into JPEG, quality 95")
    link: Literal["auto", "hard", "symbolic", "copy"] = Field(
        "auto", description="how images get there; auto: hard links where possible, else copies"
    )
    mindrecord: bool = Field(False, description="also write MindRecord shards")
    image_size: int = Field(256, ge=16, le=4096, description="of the squares in MindRecord, pixels")
    seed: int = Field(0, ge=0, description="of samples and splits")
    max_bad_fraction: MaxBadFraction = 1.0
    format: Format = None

    @model_validator(mode="after")
    def _leaves_training_images(self) -> PrepareRequest:
        held_out = (self.val_fraction or 0) + (self.test_fraction or 0)
        if held_out >= 1:
            shares = f"{argument('val_fraction')} and {argument('test_fraction')}"
            raise UserError(f"{shares} must sum to less than 1, got {held_out:g}")
        return self

    def require_inputs(self) -> None:
        """The data and the decisions are there."""
        require_path(self.data)
        if self.classes_of is not None:
            require_run(self.classes_of)
        for path in self.decisions:
            if not path.is_file():
                writes = call("review", audit="AUDIT")
                raise UserError(f"no decisions at {path}; what writes them, to AUDIT/review.jsonl: {writes}")
