"""The requests of the verbs about the tool itself."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import Field

from shelfmind.requests.request import ONE_OR_MORE, Positional, Request
from shelfmind.requests.shared import require_run


class ModelsRequest(Request):
    """Which models to list, and in how much detail."""

    examples: ClassVar[tuple[str, ...]] = (
        "shelfmind models",
        "shelfmind models se_resnext50 --measure",
        "shelfmind train photos --set model.name=resnet18 --out runs/resnet18",
    )

    name: Annotated[str | None, Positional()] = Field(None, description="Show the stages of this model.")
    measure: bool = Field(False, description="Also measure images/s on this machine.")


class VerifyRequest(Request):
    """The runs to verify."""

    details: ClassVar[str] = (
        "Checks every file that training has finished and every exported file, and names those that are damaged, "
        "missing or edited. Exit status 2 if there are any."
    )
    examples: ClassVar[tuple[str, ...]] = ("shelfmind verify runs/first", "shelfmind verify runs/first --accept")

    runs: Annotated[tuple[Path, ...], Positional("RUN..."), ONE_OR_MORE] = Field(description="Run folders.")
    accept: bool = Field(False, description="Record the present checksums, after an intended change of a file.")

    def require_inputs(self) -> None:
        """Check that all are runs."""
        for run in self.runs:
            require_run(run)


class DoctorRequest(Request):
    """No arguments: checks this machine."""

    examples: ClassVar[tuple[str, ...]] = ("shelfmind doctor", "shelfmind doctor --json machine.json")
