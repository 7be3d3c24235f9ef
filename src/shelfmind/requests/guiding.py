"""The requests of `recipes` and `init`: a data set and the requirements on a recipe."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from shelfmind.choices import choice_of
from shelfmind.errors import UserError, argument
from shelfmind.requests.request import Flag, Incidental, Positional, Request
from shelfmind.requests.shared import DATA_SET, Format, require_path


class GuidedRequest(Request):
    """The requirements that a recipe is chosen by, in addition to the photos."""

    purpose: Annotated[str, choice_of("purpose", "guidance.purposes:PURPOSES")] = Field(
        "known",
        description="Purpose of the recogniser: known (fixed range of products), changing (new products are "
        "enrolled in a gallery), or contest.",
    )
    minutes: float | None = Field(None, gt=0, description="Time budget for training in minutes. Unlimited by default.")
    cores: int | None = Field(
        None, ge=1, le=4096, description="CPU cores for training. Defaults to all cores of this machine."
    )
    device: Literal["CPU", "GPU", "Ascend"] | None = Field(
        None, description="Training device: CPU, GPU or Ascend. Defaults to the best one of this machine."
    )
    format: Format = None


class RecipesRequest(GuidedRequest):
    """Which recipe to show, or the data set to recommend one for."""

    examples: ClassVar[tuple[str, ...]] = (
        "shelfmind recipes",
        "shelfmind recipes grocery_cpu > mine.yaml",
        "shelfmind recipes --for photos --minutes 30",
        "shelfmind recipes --for photos --purpose changing --cores 16 --json -",
    )

    name: Annotated[str | None, Positional()] = Field(None, description="Show this recipe with all values.")
    data: Annotated[Path | None, Flag("--for", metavar="DATA"), Incidental] = Field(
        None, description="Recommend a recipe for this data set."
    )

    @model_validator(mode="after")
    def _names_or_data(self) -> RecipesRequest:
        if self.data is not None and self.name is not None:
            raise UserError(f"give either the name of a recipe to show, or {argument('data')} to have one recommended")
        beside = self.model_fields_set - {"name", "data"}
        if self.data is None and beside:
            first = next(name for name in type(self).model_fields if name in beside)
            raise UserError(f"{argument(first)} needs {argument('data')}, the data set to recommend a recipe for")
        return self

    def require_inputs(self) -> None:
        """Check that the data exists."""
        if self.data is not None:
            require_path(self.data)


class InitRequest(GuidedRequest):
    """The data set to write a recipe for, and the output files."""

    details: ClassVar[str] = (
        "On a terminal, asks only for missing arguments. Writes a commented recipe file, but nothing before all "
        "questions are answered."
    )
    examples: ClassVar[tuple[str, ...]] = (
        "shelfmind init",
        "shelfmind init photos --minutes 30 --yes",
        "shelfmind init photos --purpose changing --cores 8 --out runs/embedding",
    )

    data: Annotated[Path | None, Positional(), Incidental] = Field(None, description=DATA_SET)
    out: Annotated[Path | None, Incidental] = Field(
        None,
        description="Run folder that the training command will create. Defaults to runs/first, or the next free name.",
    )
    recipe: Annotated[Path | None, Flag("--recipe", metavar="FILE"), Incidental] = Field(
        None, description="Recipe file to write. Defaults to OUT.yaml."
    )

    def require_inputs(self) -> None:
        """Check that the data is given and exists."""
        if self.data is None:
            raise UserError(f"{argument('data')} is missing: give a folder with one subfolder of photos per product")
        if self.out is not None and self.out.suffix in (".yaml", ".yml"):
            raise UserError(
                f"{argument('out', self.out)} is the folder of the run; name the recipe file with "
                f"{argument('recipe', self.out)}"
            )
        require_path(self.data)
