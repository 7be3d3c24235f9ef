"""What the verbs take that make a better run of a run, or a better recipe of a recipe."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import yaml
from pydantic import BeforeValidator, Field, model_validator

from shelfmind.errors import UserError, argument
from shelfmind.requests.request import Flag, Incidental, Request
from shelfmind.requests.shared import (
    MAX_BAD_FRACTION,
    RUN_FILE,
    Data,
    Format,
    Images,
    MaxBadFraction,
    MaxMinutes,
    NewRun,
    Run,
    require_one_length,
    require_path,
    require_run,
)
from shelfmind.requests.training import RecipeRequest

STUDY_FILE = "study.sqlite"
SoupKind = Literal["greedy", "uniform"]


def _sizes(value: Any) -> Any:
    """The numbers of ``224,256,288``."""
    if not isinstance(value, str):
        return (value,) if isinstance(value, int) else value
    try:
        return tuple(int(size) for size in value.split(",") if size.strip())
    except ValueError:
        raise UserError(f"{argument('resolutions')} must be sizes such as 224,256,288, got '{value}'") from None


def _text_of(path: Any) -> Any:
    return os.fspath(path) if isinstance(path, Path) else path


def _space(value: Any) -> Any:
    """What a YAML file says, where a path is given."""
    if value is None or isinstance(value, Mapping):
        return value
    path = Path(os.fspath(value))
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UserError(f"{path} cannot be read: {str(error).splitlines()[0]}") from error
    if not isinstance(content, dict) or not content:
        raise UserError(f"{path} names nothing to search; it must map recipe keys to choices or ranges")
    return content


class FixresRequest(Request):
    """A run, and the larger test images that it should be fitted to."""

    examples: ClassVar[tuple[str, ...]] = (
        "shelfmind fixres runs/first --resolutions 112,128,144 --out runs/first_fixres",
    )

    run: Run
    resolutions: Annotated[tuple[int, ...], Flag(metavar="PIXELS,...", repeated=False), BeforeValidator(_sizes)] = (
        Field(description="image sizes to try, such as 224,256,288")
    )
    out: NewRun = Field(description="run folder to make if a size is better")
    epochs: int | None = Field(
        None, ge=1, description=f"of each fine-tuning, 5 if not given; not with {argument('max_minutes')}"
    )
    max_minutes: MaxMinutes = Field(None, description=f"of each fine-tuning, instead of {argument('epochs')}")

    @model_validator(mode="after")
    def _one_length(self) -> FixresRequest:
        require_one_length(self.epochs, self.max_minutes)
        return self

    @property
    def candidates(self) -> Path:
        """Where the fine-tuned runs lie until one is kept."""
        return self.out.with_name(f"{self.out.name}.candidates")

    def require_inputs(self) -> None:
        """The run is there."""
        require_run(self.run)

    def advice_when_stopped(self) -> str | None:
        """Sizes that are done are not done again."""
        return "what is finished is kept. Go on with the same command" if self.candidates.exists() else None


class FoldInRequest(Request):
    """A run, and the gallery whose products become classes of it."""

    details: ClassVar[str] = (
        "Products that bear the name of a trained class add photos to it; all others become classes after the old ones."
    )
    examples: ClassVar[tuple[str, ...]] = (
        "shelfmind fold-in runs/first --gallery products --out runs/second",
        "shelfmind fold-in runs/first --gallery products --max-minutes 10 --out runs/second",
        "shelfmind fold-in runs/first --gallery products --data moved/photos --out runs/second",
    )

    run: Run
    gallery: Path | str = Field(description="the gallery of products, which must be of this run's weights")
    out: NewRun
    data: Annotated[Path | None, Incidental] = Field(
        None, description="where the photos lie now that the run was trained on, if they were moved"
    )
    format: Format = None
    epochs: int | None = Field(
        None, ge=1, description=f"of the fine-tuning, 10 if not given; not with {argument('max_minutes')}"
    )
    max_minutes: MaxMinutes = Field(None, description=f"of the fine-tuning, instead of {argument('epochs')}")
    held_out: float = Field(
        0.2,
        ge=0,
        lt=1,
        description="share of the photos of a new product that only measure it, where it has five or more",
    )
    seed: int = Field(0, ge=0, description="of order, augmentation and what is held out")

    @model_validator(mode="after")
    def _one_length(self) -> FoldInRequest:
        require_one_length(self.epochs, self.max_minutes)
        return self

    def require_inputs(self) -> None:
        """The run and the photos are there."""
        require_run(self.run)
        if self.data is not None:
            require_path(self.data)

    def advice_when_stopped(self) -> str | None:
        """What was begun can be gone on with."""
        begun = (self.out / RUN_FILE).exists()
        return "what is trained so far is kept. Go on with the same command" if begun else None


class AdaptRequest(Request):
    """A run, and unlabelled photos from where it will work."""

    details: ClassVar[str] = (
        "No label is read and nothing is trained: batch normalisation takes its means and variances partly from these "
        "photos, of another shop, camera or light. Take photos as various as those that will be recognised."
    )
    examples: ClassVar[tuple[str, ...]] = (
        "shelfmind adapt runs/first new_shop/ --out runs/new_shop",
        "shelfmind adapt runs/first 'new_shop/*.jpg' --weight 0.8 --out runs/new_shop",
    )

    run: Run
    paths: Images = Field(min_length=1, description="images, folders of images, or patterns such as 'new/*.jpg'")
    out: NewRun
    weight: float = Field(0.5, gt=0, le=1, description="share of these photos in the new statistics")
    most: int = Field(2000, ge=1, description="photos to take at most, drawn at random")
    max_bad_fraction: MaxBadFraction = MAX_BAD_FRACTION

    def require_inputs(self) -> None:
        """The run is there."""
        require_run(self.run)


class SoupRequest(Request):
    """A run, and how its snapshots are averaged."""

    examples: ClassVar[tuple[str, ...]] = ("shelfmind soup runs/first --out runs/soup",)

    run: Run
    out: NewRun
    kind: SoupKind = Field("greedy", description="greedy keeps what does not harm on validation; uniform takes all")

    def require_inputs(self) -> None:
        """The run is there."""
        require_run(self.run)


class TuneRequest(RecipeRequest):
    """What is searched, and how long."""

    examples: ClassVar[tuple[str, ...]] = (
        "shelfmind tune photos --trials 20 --max-minutes 5 --out search",
        "shelfmind train photos --recipe search/best.yaml --out runs/tuned",
    )

    data: Data
    out: Path = Field(description="folder for the study and its trials, or one to go on with")
    recipe: Annotated[str, Flag(metavar="NAME|FILE"), BeforeValidator(_text_of)] = Field(
        "default", description="a name from `shelfmind recipes`, or a YAML file"
    )
    trials: int = Field(20, ge=1, description="in all, those of earlier calls included")
    space: Annotated[dict[str, Any] | None, Flag(metavar="FILE", repeated=False), BeforeValidator(_space)] = Field(
        None, description="YAML of what to search: train.lr: {low: 0.01, high: 0.1, log: true}, ..."
    )

    def advice_when_stopped(self) -> str | None:
        """Trials that are done are kept."""
        return "finished trials are kept. Go on with the same command" if (self.out / STUDY_FILE).exists() else None
