"""What the verbs take that train by a recipe."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, Field, field_serializer, model_validator

from shelfmind.errors import UserError, argument, call
from shelfmind.recipe import Recipe, load_recipe
from shelfmind.requests.request import COMMA_SEPARATED, ONE_OR_MORE, Flag, Incidental, NoFlag, Positional, Request
from shelfmind.requests.shared import (
    DATA_SET,
    MAX_BAD_FRACTION,
    RUN_FILE,
    Format,
    MaxBadFraction,
    MaxMinutes,
    Overrides,
    require_one_length,
    require_path,
    require_run,
    require_run_or_file,
)


def _text(value: Any) -> Any:
    return os.fspath(value) if isinstance(value, Path) else value


WeightsChoice = Annotated[str | None, Flag("--weights", "--init", metavar="FILE|RUN|NAME"), BeforeValidator(_text)]
RecipeChoice = Annotated[Recipe | str | None, Flag(metavar="NAME|FILE"), BeforeValidator(_text)]


class RecipeRequest(Request):
    """What every verb takes that trains by a recipe; whether data and folder must be given, each verb says."""

    data: Annotated[Path | None, Positional(), Incidental] = Field(description=DATA_SET)
    out: Annotated[Path | None, Incidental] = Field(description="folder to make")
    recipe: RecipeChoice = Field("default", description="a name from `shelfmind recipes`, or a YAML file")
    overrides: Overrides = ()
    epochs: int | None = Field(None, ge=1, description=f"instead of the recipe's; not with {argument('max_minutes')}")
    max_minutes: MaxMinutes = None
    seed: int = Field(0, ge=0, description="of split, weights, order and augmentation")
    weights: WeightsChoice = Field(
        None,
        description="start from these: a file, a run folder, official ones by name, or generated, which come with "
        "shelfmind",
    )
    offline: bool = Field(False, description="never download weights")
    max_bad_fraction: MaxBadFraction = MAX_BAD_FRACTION
    format: Format = None

    @model_validator(mode="after")
    def _one_length_and_one_recipe(self) -> RecipeRequest:
        require_one_length(self.epochs, self.max_minutes)
        if isinstance(self.recipe, Recipe) and self.overrides:
            raise UserError(f"{argument('overrides')} go with a recipe's name, not with a Recipe")
        return self

    @field_serializer("recipe")
    def _recipe_name(self, value: Recipe | str | None) -> str | None:
        """The record keeps the recipe itself beside the request."""
        return "a Recipe" if isinstance(value, Recipe) else value

    @property
    def chosen_recipe(self) -> Recipe | str:
        """The recipe that everything else is a change of."""
        return self.recipe or "default"

    @property
    def settings(self) -> Recipe:
        """The recipe with all that the request changes in it. Raises `UserError` for one that cannot be."""
        recipe = self.chosen_recipe
        recipe = recipe if isinstance(recipe, Recipe) else load_recipe(recipe, self.overrides)
        if self.epochs is not None:
            recipe = recipe.model_copy(update={"train": recipe.train.model_copy(update={"epochs": self.epochs})})
        if self.weights is not None:
            recipe = recipe.model_copy(update={"model": recipe.model.model_copy(update={"weights": self.weights})})
        return recipe

    def require_inputs(self) -> None:
        """The data is there, and the recipe can be."""
        if self.data is not None:
            require_path(self.data)
        for teacher in self.settings.distillation.teachers:
            require_run_or_file(Path(teacher))


class ResumableRequest(RecipeRequest):
    """What a verb takes that makes a run, or goes on with one."""

    data: Annotated[Path | None, Positional(), Incidental] = Field(
        None, description=f"{DATA_SET}; not with {argument('resume')}"
    )
    out: Annotated[Path | None, Incidental] = Field(None, description="run folder to make")
    resume: Annotated[Path | None, Incidental] = Field(None, description="go on with this run folder, as it began")

    verb: ClassVar[str]
    beside_resume: ClassVar[frozenset[str]] = frozenset({"resume"})
    """What may be given when a run is gone on with."""

    @model_validator(mode="after")
    def _new_or_resumed(self) -> ResumableRequest:
        if self.resume is None and (self.data is None or self.out is None):
            needed = f"{argument('data')} and {argument('out')}"
            raise UserError(f"{self.verb} needs {needed}, or {argument('resume')} with a run")
        others = self.model_fields_set - self.beside_resume
        if self.resume is not None and others:
            first = next(name for name in type(self).model_fields if name in others)
            raise UserError(f"{argument('resume')} goes on as the run began, so it takes no {argument(first)}")
        return self

    @property
    def new(self) -> tuple[Path, Path]:
        """Data and folder of a run that is made."""
        assert self.data is not None
        assert self.out is not None
        return self.data, self.out

    @property
    def run(self) -> Path:
        """The run folder, made or gone on with."""
        return self.resume or self.new[1]

    def require_inputs(self) -> None:
        """The data is there and the recipe can be; or the run is there."""
        if self.resume is not None:
            require_run(self.resume)
        else:
            super().require_inputs()

    def advice_when_stopped(self) -> str | None:
        """A run that has begun can be gone on with."""
        if not (self.run / RUN_FILE).exists():
            return None
        return f"what is trained so far is kept. Go on with: {call(self.verb, resume=str(self.run))}"


class TrainRequest(ResumableRequest):
    """What a training comes of."""

    examples: ClassVar[tuple[str, ...]] = (
        "shelfmind train photos --out runs/first",
        "shelfmind train photos --recipe grocery_cpu --max-minutes 60 --out runs/hour",
        "shelfmind train photos --recipe rp2k/se_resnext50 --set train.batch_size=32 --seed 1 --out runs/se",
        "shelfmind train photos --recipe rp2k/se_resnext50 --weights se_resnext50 --out runs/from_imagenet",
        "shelfmind train photos --teacher runs/large --split-of runs/large --out runs/small",
        "shelfmind train photos --seed 5 --split-of runs/first --out runs/s5",
        "shelfmind train --resume runs/first",
    )
    verb: ClassVar[str] = "train"
    beside_resume: ClassVar[frozenset[str]] = frozenset({"resume", "track"})

    split_of: Path | None = Field(
        None, description="take this run's split, so that both can be judged together; new photos are trained on"
    )
    teacher: Annotated[tuple[Path, ...], Flag("--teacher", metavar="RUN|FILE"), ONE_OR_MORE] = Field(
        (), description="learn from the answers of this run or exported file besides the labels; several are averaged"
    )
    broader: Annotated[Path | None, NoFlag] = Field(
        None, description="a CSV with the columns class,broader: learn the broader classes instead of the data's"
    )
    rules: str | None = Field(None, description="keep these terms: contest")
    track: Annotated[tuple[str, ...], Flag(metavar="TRACKER,...", repeated=False), Incidental, COMMA_SEPARATED] = Field(
        (), description="also send figures to tensorboard (RUN/tensorboard), mlflow, or both"
    )

    @property
    def settings(self) -> Recipe:
        """The recipe with all that the request changes in it."""
        recipe = super().settings
        if not self.teacher:
            return recipe
        distillation = recipe.distillation.model_copy(update={"teachers": tuple(map(str, self.teacher))})
        return recipe.model_copy(update={"distillation": distillation})

    def require_inputs(self) -> None:
        """The data or the run, and the run whose split is taken, are there, and the recipe can be."""
        super().require_inputs()
        if self.split_of is not None:
            require_run(self.split_of)


class PretrainRequest(ResumableRequest):
    """What a pretraining comes of."""

    examples: ClassVar[tuple[str, ...]] = (
        "shelfmind pretrain photos --max-minutes 30 --out runs/pretrained",
        "shelfmind pretrain photos --broader brands.csv --epochs 20 --out runs/pretrained",
        "shelfmind train photos --init runs/pretrained --out runs/first",
    )
    verb: ClassVar[str] = "pretrain"

    recipe: RecipeChoice = Field(
        None,
        description="a name from `shelfmind recipes`, or a YAML file; pretrain, or default with "
        f"{argument('broader')}, if not given",
    )
    broader: Path | None = Field(
        None, description="learn broader classes instead: a CSV with the columns class,broader"
    )

    @property
    def chosen_recipe(self) -> Recipe | str:
        """Without labels if nothing else is said."""
        return self.recipe or ("pretrain" if self.broader is None else "default")

    def require_inputs(self) -> None:
        """As for `train`; the table of broader classes is there, and the recipe reads labels if it is given."""
        super().require_inputs()
        if self.broader is None:
            return
        require_path(self.broader)
        if self.settings.train.task != "classify":
            raise UserError(
                f"{argument('broader')} gives labels, which the task {self.settings.train.task} does not read; take a "
                f"recipe that classifies, such as {argument('recipe', 'default')}"
            )
