"""The requests of the verbs about the tool itself."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from shelfmind.requests.request import Positional, Request


class ModelsRequest(Request):
    """Which models to list, and in how much detail."""

    examples: ClassVar[tuple[str, ...]] = (
        "shelfmind models",
        "shelfmind models se_resnext50 --measure",
        "shelfmind train photos --set model.name=resnet18 --out runs/resnet18",
    )

    name: Annotated[str | None, Positional()] = Field(None, description="Show the stages of this model.")
    measure: bool = Field(False, description="Also measure images/s on this machine.")


class DoctorRequest(Request):
    """No arguments: checks this machine."""

    examples: ClassVar[tuple[str, ...]] = ("shelfmind doctor", "shelfmind doctor --json machine.json")
