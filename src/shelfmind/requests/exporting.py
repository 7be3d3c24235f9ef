"""What `export` takes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import Field

from shelfmind.requests.request import Incidental, Request
from shelfmind.requests.shared import Format, Run, require_path, require_run


class ExportRequest(Request):
    """Which run is written as a file, and how it is checked."""

    details: ClassVar[str] = (
        "The file is an ONNX model that takes 8-bit squares; it holds recipe, classes and temperatures, too. "
        "`predict`, `shelfmind.load` and `shelfmind.recognizer` answer from it without MindSpore."
    )
    examples: ClassVar[tuple[str, ...]] = (
        "shelfmind export runs/first",
        "shelfmind export runs/first --out shelf.onnx --images 500",
        "shelfmind predict shelf.onnx new/ --out predictions.csv",
    )

    run: Run
    out: Annotated[Path | None, Incidental] = Field(
        None, description="the file; network.onnx in the run's folder if not given, which --engine looks for"
    )
    data: Path | None = Field(None, description="images to compare answers by, if the run's own data has moved")
    data_format: Format = None
    images: int = Field(300, ge=1, description="how many, of val if there is one")
    tolerance: float = Field(1e-4, gt=0, description="greatest difference of a probability that is accepted")

    def require_inputs(self) -> None:
        """The run and the data are there."""
        require_run(self.run)
        if self.data is not None:
            require_path(self.data)
