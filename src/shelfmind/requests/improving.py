"""The requests of the verbs that improve a run or a recipe."""

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
from shelfmind.structured_text import parse_yaml

PLAN_FILE, SOUP_FILE, STUDY_FILE = "plan.json", "soup.json", "study.sqlite"
SoupKind = Literal["greedy", "uniform"]


def _sizes(value: Any) -> Any:
    """Parse ``224,256,288``."""
    if not isinstance(value, str):
        return (value,) if isinstance(value, int) else value
    try:
        return tuple(int(size) for size in value.split(",") if size.strip())
    except ValueError:
        raise UserError(f"{argument('resolutions')} must be sizes such as 224,256,288, got '{value}'") from None


def _text_of(path: Any) -> Any:
    return os.fspath(path) if isinstance(path, Path) else path


def _space(value: Any) -> Any:
    """Read the YAML file if a path is given."""
    if value is None or isinstance(value, Mapping):
        return value
    path = Path(os.fspath(value))
    try:
        content = parse_yaml(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UserError(f"{path} cannot be read: {str(error).splitlines()[0]}") from error
    if not isinstance(content, dict) or not content:
        raise UserError(f"{path} must map recipe keys to choices or ranges")
    return content


class FixresRequest(Request):
    """A run, and the larger test resolutions to try."""

    examples: ClassVar[tuple[str, ...]] = (
        "shelfmind fixres runs/first --resolutions 112,128,144 --out runs/first_fixres",
    )

    run: Run
    resolutions: Annotated[tuple[int, ...], Flag(metavar="PIXELS,...", repeated=False), BeforeValidator(_sizes)] = (
        Field(description="Image sizes to try, such as 224,256,288.")
    )
    out: NewRun = Field(description="Run folder to create if a size is better.")
    epochs: int | None = Field(
        None, ge=1, description=f"Epochs per image size. Defaults to 5. Excludes {argument('max_minutes')}."
    )
    max_minutes: MaxMinutes = Field(
        None, description=f"Time budget in minutes per image size, instead of {argument('epochs')}."
    )

    @model_validator(mode="after")
    def _one_length(self) -> FixresRequest:
        require_one_length(self.epochs, self.max_minutes)
        return self

    @property
    def candidates(self) -> Path:
        """The folder of the fine-tuned runs until one is chosen."""
        return self.out.with_name(f"{self.out.name}.candidates")

    def require_inputs(self) -> None:
        """Check that the run exists."""
        require_run(self.run)

    def advice_when_stopped(self) -> str | None:
        """Finished sizes are kept."""
        return "progress is saved. Run the same command again to resume" if self.candidates.exists() else None


class FoldInRequest(Request):
    """A run, and the gallery whose products become its classes."""

    details: ClassVar[str] = (
        "A product with the name of a trained class adds its photos to that class. All other products become new "
        "classes."
    )
    examples: ClassVar[tuple[str, ...]] = (
        "shelfmind fold-in runs/first --gallery products --out runs/second",
        "shelfmind fold-in runs/first --gallery products --max-minutes 10 --out runs/second",
        "shelfmind fold-in runs/first --gallery products --data moved/photos --out runs/second",
    )

    run: Run
    gallery: Path | str = Field(
        description="Gallery of the products. Its embeddings must come from the weights of this run."
    )
    out: NewRun
    data: Annotated[Path | None, Incidental] = Field(
        None, description="New location of the run's training photos if they were moved."
    )
    format: Format = None
    epochs: int | None = Field(
        None, ge=1, description=f"Epochs of fine-tuning. Defaults to 10. Excludes {argument('max_minutes')}."
    )
    max_minutes: MaxMinutes = Field(
        None, description=f"Time budget for fine-tuning in minutes, instead of {argument('epochs')}."
    )
    held_out: float = Field(
        0.2,
        ge=0,
        lt=1,
        description="Share of each new product's photos held out for evaluation, if it has at least five.",
    )
    seed: int = Field(0, ge=0, description="Seed of the image order, augmentation and held-out photos.")

    @model_validator(mode="after")
    def _one_length(self) -> FoldInRequest:
        require_one_length(self.epochs, self.max_minutes)
        return self

    def require_inputs(self) -> None:
        """Check that the run and the photos exist."""
        require_run(self.run)
        if self.data is not None:
            require_path(self.data)

    def advice_when_stopped(self) -> str | None:
        """A run that has started can be resumed."""
        begun = (self.out / RUN_FILE).exists()
        return "progress is saved. Run the same command again to resume" if begun else None


class AdaptRequest(Request):
    """A run, and unlabelled photos from its new environment."""

    details: ClassVar[str] = (
        "Mixes the batch-normalisation statistics of the run with those of the photos (AdaBN). Needs no labels "
        "and no training. Use photos as varied as those to be recognised."
    )
    examples: ClassVar[tuple[str, ...]] = (
        "shelfmind adapt runs/first new_shop/ --out runs/new_shop",
        "shelfmind adapt runs/first 'new_shop/*.jpg' --weight 0.8 --out runs/new_shop",
    )

    run: Run
    paths: Images = Field(min_length=1, description="Images, folders of images, or patterns such as 'new/*.jpg'.")
    out: NewRun
    weight: float = Field(0.5, gt=0, le=1, description="Weight of the photos in the new statistics.")
    most: int = Field(2000, ge=1, description="Maximum number of photos. More are sampled at random.")
    max_bad_fraction: MaxBadFraction = MAX_BAD_FRACTION

    def require_inputs(self) -> None:
        """Check that the run exists."""
        require_run(self.run)


class SoupRequest(Request):
    """A run, and how to average its snapshots."""

    examples: ClassVar[tuple[str, ...]] = ("shelfmind soup runs/first --out runs/soup",)

    run: Run
    out: NewRun
    kind: SoupKind = Field(
        "greedy", description="greedy: add a snapshot only if validation accuracy does not drop. uniform: average all."
    )

    def require_inputs(self) -> None:
        """Check that the run exists."""
        require_run(self.run)


class TuneRequest(RecipeRequest):
    """What to search, and for how long."""

    examples: ClassVar[tuple[str, ...]] = (
        "shelfmind tune photos --trials 20 --max-minutes 5 --out search",
        "shelfmind train photos --recipe search/best.yaml --out runs/tuned",
    )

    data: Data
    out: Path = Field(description="Folder for the study and its trials. One of the same settings is resumed.")
    recipe: Annotated[str, Flag(metavar="NAME|FILE"), BeforeValidator(_text_of)] = Field(
        "default", description="Name from `shelfmind recipes`, or a YAML file."
    )
    max_minutes: MaxMinutes = Field(None, description="Time budget in minutes per trial.")
    trials: int = Field(20, ge=1, description="Total number of trials, including those of earlier calls.")
    space: Annotated[dict[str, Any] | None, Flag(metavar="FILE", repeated=False), BeforeValidator(_space)] = Field(
        None, description="YAML file with the search space: train.lr: {low: 0.01, high: 0.1, log: true}, ..."
    )

    def advice_when_stopped(self) -> str | None:
        """Finished trials are kept."""
        begun = (self.out / STUDY_FILE).exists()
        return "finished trials are saved. Run the same command again to resume" if begun else None
