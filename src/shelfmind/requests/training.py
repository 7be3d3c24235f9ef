"""The requests of the verbs that train by a recipe."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, Field, field_serializer, model_validator

from shelfmind.errors import UserError, argument, call
from shelfmind.machine.job import started_by_msrun
from shelfmind.recipe import Recipe, load_recipe, require_trained_size
from shelfmind.requests.request import COMMA_SEPARATED, ONE_OR_MORE, Flag, Incidental, NoFlag, Positional, Request
from shelfmind.requests.shared import (
    DATA_SET,
    MAX_BAD_FRACTION,
    PROVENANCE_FILE,
    RUN_FILE,
    STATE_FILE,
    Format,
    MaxBadFraction,
    MaxMinutes,
    Overrides,
    require_one_length,
    require_path,
    require_run,
    require_run_or_file,
)
from shelfmind.structured_text import parse_json


def _text(value: Any) -> Any:
    return os.fspath(value) if isinstance(value, Path) else value


WeightsChoice = Annotated[str | None, Flag("--weights", "--init", metavar="FILE|RUN|NAME"), BeforeValidator(_text)]
RecipeChoice = Annotated[Recipe | str | None, Flag(metavar="NAME|FILE"), BeforeValidator(_text)]


class RecipeRequest(Request):
    """The arguments shared by all verbs that train by a recipe; subclasses decide which are required."""

    data: Annotated[Path | None, Positional(), Incidental] = Field(description=DATA_SET)
    out: Annotated[Path | None, Incidental] = Field(description="Folder to create.")
    recipe: RecipeChoice = Field("default", description="Name from `shelfmind recipes`, or a YAML file.")
    overrides: Overrides = ()
    epochs: int | None = Field(
        None, ge=1, description=f"Number of epochs. Defaults to the recipe's. Excludes {argument('max_minutes')}."
    )
    max_minutes: MaxMinutes = None
    seed: int = Field(0, ge=0, description="Seed of split, initial weights, image order and augmentation.")
    weights: WeightsChoice = Field(
        None,
        description="Initial weights: a checkpoint, a run folder, the name of official weights, or generated "
        "(shipped with shelfmind, pretrained on synthetic photos).",
    )
    offline: bool = Field(False, description="Do not download weights.")
    max_bad_fraction: MaxBadFraction = MAX_BAD_FRACTION
    format: Format = None

    @model_validator(mode="after")
    def _one_length_and_one_recipe(self) -> RecipeRequest:
        require_one_length(self.epochs, self.max_minutes)
        if isinstance(self.recipe, Recipe) and self.overrides:
            raise UserError(f"{argument('overrides')} need the name of a recipe, not a Recipe")
        return self

    @field_serializer("recipe")
    def _recipe_name(self, value: Recipe | str | None) -> str | None:
        """The record stores the recipe itself next to the request."""
        return "a Recipe" if isinstance(value, Recipe) else value

    @property
    def chosen_recipe(self) -> Recipe | str:
        """The recipe before any changes."""
        return self.recipe or "default"

    @property
    def settings(self) -> Recipe:
        """The recipe with all changes of the request applied. Raises `UserError` if it is invalid."""
        recipe = self.chosen_recipe
        recipe = recipe if isinstance(recipe, Recipe) else load_recipe(recipe, self.overrides)
        require_trained_size(recipe)
        if self.epochs is not None:
            recipe = recipe.model_copy(update={"train": recipe.train.model_copy(update={"epochs": self.epochs})})
        if self.weights is not None:
            recipe = recipe.model_copy(update={"model": recipe.model.model_copy(update={"weights": self.weights})})
        return recipe

    def require_inputs(self) -> None:
        """Check that the data exists and the recipe is valid."""
        if self.data is not None:
            require_path(self.data)
        for teacher in self.settings.distillation.teachers:
            require_run_or_file(Path(teacher))


class ResumableRequest(RecipeRequest):
    """The arguments of a verb that creates or resumes a run."""

    data: Annotated[Path | None, Positional(), Incidental] = Field(
        None, description=f"{DATA_SET} Excludes {argument('resume')}."
    )
    out: Annotated[Path | None, Incidental] = Field(None, description="Run folder to create.")
    resume: Annotated[Path | None, Incidental] = Field(
        None, description="Run folder to resume, with its original arguments."
    )

    verb: ClassVar[str]
    allowed_with_resume: ClassVar[frozenset[str]] = frozenset({"resume"})
    """The arguments that may accompany `resume`."""

    @model_validator(mode="after")
    def _new_or_resumed(self) -> ResumableRequest:
        if self.resume is None and (self.data is None or self.out is None):
            needed = f"{argument('data')} and {argument('out')}"
            raise UserError(f"{self.verb} needs {needed}, or {argument('resume')} and a run")
        others = self.model_fields_set - self.allowed_with_resume
        if self.resume is not None and others:
            first = next(name for name in type(self).model_fields if name in others)
            raise UserError(
                f"{argument('resume')} keeps the original arguments of the run and excludes {argument(first)}"
            )
        return self

    @property
    def new(self) -> tuple[Path, Path]:
        """Data and folder of a new run."""
        assert self.data is not None
        assert self.out is not None
        return self.data, self.out

    @property
    def run(self) -> Path:
        """The new or resumed run folder."""
        return self.resume or self.new[1]

    def require_inputs(self) -> None:
        """Check that the data exists and the recipe is valid, or that the run to resume exists."""
        if self.resume is not None:
            if not started_by_msrun():  # of several hosts, only the first needs the run
                require_run(self.resume)
        else:
            super().require_inputs()

    def advice_when_stopped(self) -> str | None:
        """A run that has started can be resumed."""
        if not (self.run / RUN_FILE).exists():
            return None
        again = call(self.verb, resume=str(self.run))
        if not (self.run / STATE_FILE).exists():
            return f"there is no checkpoint yet. Start from the beginning with: {again}"
        return f"progress is saved. Resume with: {again}"


class TrainRequest(ResumableRequest):
    """The arguments of a training run."""

    examples: ClassVar[tuple[str, ...]] = (
        "shelfmind train photos --out runs/first",
        "shelfmind train photos --recipe grocery_cpu --max-minutes 60 --out runs/hour",
        "shelfmind train photos --recipe rp2k/se_resnext50 --set train.batch_size=32 --seed 1 --out runs/se",
        "shelfmind train photos --recipe rp2k/se_resnext50 --weights se_resnext50 --out runs/from_imagenet",
        "shelfmind train photos --teacher runs/large --split-of runs/large --out runs/small",
        "shelfmind train photos --seed 5 --split-of runs/first --out runs/s5",
        "shelfmind train photos --recipe rp2k/se_resnext50 --devices 8 --restarts 3 --out runs/se",
        "shelfmind train --resume runs/first",
    )
    verb: ClassVar[str] = "train"
    allowed_with_resume: ClassVar[frozenset[str]] = frozenset({"resume", "track", "devices", "restarts", "port"})

    split_of: Path | None = Field(
        None,
        description="Reuse the split of this run, so that both can be evaluated together. New photos are "
        "used for training.",
    )
    teacher: Annotated[tuple[Path, ...], Flag("--teacher", metavar="RUN|FILE"), ONE_OR_MORE] = Field(
        (), description="Run or exported file to distil from. Predictions of several teachers are averaged."
    )
    broader: Annotated[Path | None, NoFlag] = Field(
        None, description="CSV with the columns class,broader: train on the broader classes instead."
    )
    rules: str | None = Field(
        None,
        description="Rule set to enforce: contest (MindSpore only, random or official MindSpore weights, "
        "no other photos).",
    )
    track: Annotated[tuple[str, ...], Flag(metavar="TRACKER,...", repeated=False), Incidental, COMMA_SEPARATED] = Field(
        (), description="Also log metrics to tensorboard (RUN/tensorboard), mlflow, or both."
    )
    devices: Annotated[int | None, Incidental] = Field(
        None,
        ge=1,
        le=4096,
        description="Train data-parallel in this many processes on this machine: one per GPU or Ascend device; on "
        "CPUs, they share the cores. Each batch is divided among them. A resumed run keeps its number. Defaults to 1.",
    )
    restarts: Annotated[int, Incidental] = Field(
        0, ge=0, description="Restart a data-parallel run up to this many times if a process dies."
    )
    port: Annotated[int | None, Incidental] = Field(
        None,
        ge=1024,
        le=65535,
        description="Port on which the processes connect to each other. Defaults to a free one.",
    )

    @property
    def processes(self) -> int:
        """The number of processes: the requested one, else that of the run to resume, else 1."""
        if self.devices is not None or self.resume is None:
            return self.devices or 1
        try:
            content = parse_json((self.resume / PROVENANCE_FILE).read_text(encoding="utf-8"))
            return int(content.get("processes", 1))
        except (OSError, ValueError, TypeError, AttributeError):
            return 1  # resuming says what is wrong with the file

    @property
    def elsewhere(self) -> bool:
        """Whether `msrun` starts other processes; not in one of these."""
        return self.processes > 1 and not started_by_msrun()

    @property
    def settings(self) -> Recipe:
        """The recipe with all changes of the request applied."""
        recipe = super().settings
        if not self.teacher:
            return recipe
        distillation = recipe.distillation.model_copy(update={"teachers": tuple(map(str, self.teacher))})
        return recipe.model_copy(update={"distillation": distillation})

    def require_inputs(self) -> None:
        """Check that the data or run and the run of the split exist, and that the recipe is valid."""
        super().require_inputs()
        if self.split_of is not None:
            require_run(self.split_of)


class PretrainRequest(ResumableRequest):
    """The arguments of a pretraining run."""

    examples: ClassVar[tuple[str, ...]] = (
        "shelfmind pretrain photos --max-minutes 30 --out runs/pretrained",
        "shelfmind pretrain photos --broader brands.csv --epochs 20 --out runs/pretrained",
        "shelfmind train photos --init runs/pretrained --out runs/first",
    )
    verb: ClassVar[str] = "pretrain"

    recipe: RecipeChoice = Field(
        None,
        description="Name from `shelfmind recipes`, or a YAML file. Defaults to pretrain, or to default with "
        f"{argument('broader')}.",
    )
    broader: Path | None = Field(
        None, description="Train on broader classes instead: a CSV with the columns class,broader."
    )

    @property
    def chosen_recipe(self) -> Recipe | str:
        """Self-supervised by default."""
        return self.recipe or ("pretrain" if self.broader is None else "default")

    def require_inputs(self) -> None:
        """Check the same as `train`, that the table of broader classes exists, and that its recipe uses labels."""
        super().require_inputs()
        if self.broader is None:
            return
        require_path(self.broader)
        if self.settings.train.task != "classify":
            raise UserError(
                f"{argument('broader')} provides labels, but the task {self.settings.train.task} uses none; "
                f"choose a recipe for classification, such as {argument('recipe', 'default')}"
            )
