"""The requests of the verbs about the tool itself."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import Field

from shelfmind.requests.request import ONE_OR_MORE, Positional, Request
from shelfmind.requests.shared import require_path


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
    """The runs and data sets to verify."""

    details: ClassVar[str] = (
        "Checks every file of a run that training has finished and every exported file, and every file of a data set. "
        "Names those that are damaged, missing, edited or, in a data set, without a checksum. Exit status 2 if there "
        "are any. The checksums of a data set are in SHA256SUMS, in the format of sha256sum."
    )
    examples: ClassVar[tuple[str, ...]] = (
        "shelfmind verify runs/first",
        "shelfmind verify runs/first --accept",
        "shelfmind verify shards --accept",
        "shelfmind verify shards",
    )

    paths: Annotated[tuple[Path, ...], Positional("PATH..."), ONE_OR_MORE] = Field(
        description="Run folders, and folders or shards of data sets."
    )
    accept: bool = Field(
        False,
        description="Record the present checksums: of a run after an intended change of a file, of a data set at any "
        "time.",
    )

    def require_inputs(self) -> None:
        """Check that all exist."""
        for path in self.paths:
            require_path(path)


class DoctorRequest(Request):
    """No arguments: checks this machine."""

    examples: ClassVar[tuple[str, ...]] = ("shelfmind doctor", "shelfmind doctor --json machine.json")
