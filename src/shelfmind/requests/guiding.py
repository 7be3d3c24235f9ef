"""What `recipes` and `init` take: a data set, and what a recipe for it has to do."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from shelfmind.choices import choice_of
from shelfmind.errors import UserError, argument
from shelfmind.requests.request import Flag, Incidental, Positional, Request
from shelfmind.requests.shared import DATA_SET, Format, require_path


class GuidedRequest(Request):
    """What a recipe is chosen by besides the photos."""

    purpose: Annotated[str, choice_of("purpose", "guidance.purposes:PURPOSES")] = Field(
        "known",
        description="what the recogniser is for: known products, changing ones that a gallery enrols, or a contest",
    )
    minutes: float | None = Field(
        None, gt=0, description="how long the training may take; as long as it needs if not given"
    )
    cores: int | None = Field(None, ge=1, le=4096, description="how many cores train; all of this machine if not given")
    device: Literal["CPU", "GPU", "Ascend"] | None = Field(
        None, description="what trains: CPU, GPU or Ascend; the best of this machine if not given"
    )
    format: Format = None


class RecipesRequest(GuidedRequest):
    """Which recipes are listed, or for which photos one is recommended."""

    examples: ClassVar[tuple[str, ...]] = (
        "shelfmind recipes",
        "shelfmind recipes grocery_cpu > mine.yaml",
        "shelfmind recipes --for photos --minutes 30",
        "shelfmind recipes --for photos --purpose changing --cores 16 --json -",
    )

    name: Annotated[str | None, Positional()] = Field(None, description="show this recipe whole")
    data: Annotated[Path | None, Flag("--for", metavar="DATA"), Incidental] = Field(
        None, description=f"recommend a recipe for this {DATA_SET}"
    )

    @model_validator(mode="after")
    def _names_or_data(self) -> RecipesRequest:
        if self.data is not None and self.name is not None:
            raise UserError(f"give either the name of a recipe to show, or {argument('data')} to have one recommended")
        beside = self.model_fields_set - {"name", "data"}
        if self.data is None and beside:
            first = next(name for name in type(self).model_fields if name in beside)
            raise UserError(f"{argument(first)} goes with {argument('data')}, the photos to recommend a recipe for")
        return self

    def require_inputs(self) -> None:
        """The data is there."""
        if self.data is not None:
            require_path(self.data)


class InitRequest(GuidedRequest):
    """What a recipe is written for, and where."""

    details: ClassVar[str] = (
        "On a terminal it asks for whatever is not given, five questions at most. It writes a recipe file and prints "
        "the command that trains by it; before all is answered nothing is written."
    )
    examples: ClassVar[tuple[str, ...]] = (
        "shelfmind init",
        "shelfmind init photos --minutes 30 --yes",
        "shelfmind init photos --purpose changing --cores 8 --out runs/embedding",
    )

    data: Annotated[Path | None, Positional(), Incidental] = Field(None, description=DATA_SET)
    out: Annotated[Path | None, Incidental] = Field(
        None, description="run folder that the command will make; runs/first, or the next that is free, if not given"
    )
    recipe: Annotated[Path | None, Flag("--recipe", metavar="FILE"), Incidental] = Field(
        None, description="recipe file to write; OUT.yaml if not given"
    )

    def require_inputs(self) -> None:
        """The data was named, and is there."""
        if self.data is None:
            raise UserError(
                f"where are the photos? Give {argument('data')}, a folder with one folder of photos a product"
            )
        require_path(self.data)
