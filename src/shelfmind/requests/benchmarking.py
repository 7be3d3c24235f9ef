"""The request of `benchmark`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from shelfmind.errors import UserError, argument
from shelfmind.requests.request import COMMA_SEPARATED, Flag, Positional, Request
from shelfmind.requests.shared import MAX_BATCH, require_path, require_run_or_file

Part = Literal["engines", "command", "training"]
PARTS: tuple[Part, ...] = ("engines", "command", "training")


class BenchmarkRequest(Request):
    """What to measure, and how thoroughly."""

    details: ClassVar[str] = (
        "Measures throughput and latency of every engine and precision that the run was exported for (or that "
        "reads the file); the whole `predict` command from JPEG files to CSV, including time to the first answer "
        "and memory; and training steps. Each subject has its own process; the processes take turns. Keep the "
        "machine idle meanwhile."
    )
    examples: ClassVar[tuple[str, ...]] = (
        "shelfmind benchmark runs/first",
        "shelfmind benchmark shelf.onnx --data photos --parts engines,command",
        "shelfmind benchmark runs/first --out after.json --compare before.json",
    )

    run: Annotated[Path, Positional(), Field(description="Run folder, or a file written by `shelfmind export`.")]
    data: Path | None = Field(None, description="Folder of photos for the command. Defaults to the photos of the run.")
    parts: Annotated[tuple[Part, ...], Flag(metavar="PART,...", repeated=False), COMMA_SEPARATED] = Field(
        PARTS, min_length=1, description="What to measure."
    )
    batch: Annotated[tuple[int, ...], Flag(metavar="<int>,...", repeated=False), COMMA_SEPARATED] = Field(
        (1, 32), min_length=1, description="Batch sizes for the engines."
    )
    images: int = Field(300, ge=1, description="Maximum number of photos for the command.")
    rounds: int = Field(
        5, ge=1, description="Rounds over all engines. The 99th percentile of the latency needs many calls."
    )
    out: Path | None = Field(None, description="Also write all results to this JSON file.")
    compare: Path | None = Field(None, description="Earlier JSON file to compare with.")

    @model_validator(mode="after")
    def _sensible(self) -> BenchmarkRequest:
        if not all(1 <= count <= MAX_BATCH for count in self.batch):
            raise UserError(f"{argument('batch')} must be numbers from 1 to {MAX_BATCH}")
        return self

    def require_inputs(self) -> None:
        """Check that the run or file, the photos and the earlier results exist."""
        require_run_or_file(self.run)
        for path in (self.data, self.compare):
            if path is not None:
                require_path(path)
