"""What the verbs take that are about the tool itself."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from shelfmind.requests.request import Positional, Request


class ModelsRequest(Request):
    """Which models are listed, and how much of them."""

    examples: ClassVar[tuple[str, ...]] = (
        "shelfmind models",
        "shelfmind models se_resnext50 --measure",
        "shelfmind train photos --set model.name=resnet18 --out runs/resnet18",
    )

    name: Annotated[str | None, Positional()] = Field(None, description="draw this model's stages")
    measure: bool = Field(False, description="also measure images/s on this machine")


class DoctorRequest(Request):
    """Nothing: it looks at the machine that it runs on."""

    examples: ClassVar[tuple[str, ...]] = ("shelfmind doctor", "shelfmind doctor --json machine.json")
