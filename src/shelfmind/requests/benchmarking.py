"""What `benchmark` takes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from shelfmind.errors import UserError, argument
from shelfmind.requests.request import COMMA_SEPARATED, Flag, Positional, Request
from shelfmind.requests.shared import MOST_AT_ONCE, require_path, require_run_or_file

Part = Literal["engines", "command", "training"]
PARTS: tuple[Part, ...] = ("engines", "command", "training")


class BenchmarkRequest(Request):
    """What is measured, and with how much patience."""

    details: ClassVar[str] = (
        "Every engine and precision that the run was exported for, or that reads the file: images/s and latency, the "
        "whole `predict` command from JPEG files to a CSV, its first answer and its memory; and training steps. Each "
        "has a process of its own, one at work at a time, in rounds. Leave the machine alone meanwhile."
    )
    examples: ClassVar[tuple[str, ...]] = (
        "shelfmind benchmark runs/first",
        "shelfmind benchmark shelf.onnx --data photos --parts engines,command",
        "shelfmind benchmark runs/first --out after.json --compare before.json",
    )

    run: Annotated[Path, Positional(), Field(description="a run folder, or a file that `shelfmind export` wrote")]
    data: Path | None = Field(None, description="a folder with photos for the command; those of the run if not given")
    parts: Annotated[tuple[Part, ...], Flag(metavar="PART,...", repeated=False), COMMA_SEPARATED] = Field(
        PARTS, min_length=1, description="what is measured"
    )
    batch: Annotated[tuple[int, ...], Flag(metavar="<int>,...", repeated=False), COMMA_SEPARATED] = Field(
        (1, 32), min_length=1, description="images that engines are asked with at once"
    )
    images: int = Field(300, ge=1, description="photos for the command, at most")
    rounds: int = Field(5, ge=1, description="of all engines in turn; 99% latencies take many calls")
    out: Path | None = Field(None, description="also write all figures to this .json")
    compare: Path | None = Field(None, description="an earlier such file, to compare with")

    @model_validator(mode="after")
    def _sensible(self) -> BenchmarkRequest:
        if not all(1 <= count <= MOST_AT_ONCE for count in self.batch):
            raise UserError(f"{argument('batch')} takes numbers from 1 to {MOST_AT_ONCE}")
        return self

    def require_inputs(self) -> None:
        """The run or the file, the photos and the earlier figures are there."""
        require_run_or_file(self.run)
        for path in (self.data, self.compare):
            if path is not None:
                require_path(path)
