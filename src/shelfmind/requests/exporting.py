"""What `export` takes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import Field

from shelfmind.choices import choice_of
from shelfmind.requests.request import Incidental, Request
from shelfmind.requests.shared import Format, Run, require_path, require_run


class ExportRequest(Request):
    """Which run is written as a file, and how it is checked."""

    details: ClassVar[str] = (
        "The network of the file takes 8-bit squares; recipe, classes and temperatures are in it, too. "
        "`predict`, `shelfmind.load` and `shelfmind.recognizer` answer from it, without MindSpore unless it is MindIR."
    )
    examples: ClassVar[tuple[str, ...]] = (
        "shelfmind export runs/first",
        "shelfmind export runs/first --precision int8",
        "shelfmind export runs/first --format openvino --precision bf16",
        "shelfmind export runs/first --out shelf.onnx --images 500",
        "shelfmind predict shelf.onnx new/ --out predictions.csv",
    )

    run: Run
    format: Annotated[str, choice_of("format", "inference.exported:CARRIERS")] = Field(
        "onnx", description="onnx, which ONNX Runtime and OpenVINO read, openvino, or mindir, which MindSpore reads"
    )
    precision: Annotated[str, choice_of("precision", "machine.instructions:PRECISIONS")] = Field(
        "fp32", description="fp32, int8 or bf16, as far as engines of the format and the processor compute it"
    )
    out: Annotated[Path | None, Incidental] = Field(
        None, description="the file; one in the run's folder if not given, where --engine looks for it"
    )
    data: Path | None = Field(None, description="images to compare answers by, if the run's own data has moved")
    data_format: Format = None
    images: int | None = Field(
        None, ge=1, description="how many, of val if there is one; for fp32 300, else 1000 if not given"
    )
    calibration: int = Field(256, ge=1, description="training images that int8 takes its ranges from")
    tolerance: float | None = Field(
        None,
        gt=0,
        description="fp32: greatest difference of a probability that is accepted (0.0001); int8 and bf16: the share of "
        "accuracy that may be lost (0.005)",
    )

    @property
    def compared(self) -> int:
        """How many images answers are compared by: 300 show a wrong operator, half a point of accuracy takes more."""
        return self.images or (300 if self.precision == "fp32" else 1000)

    def require_inputs(self) -> None:
        """The run and the data are there."""
        require_run(self.run)
        if self.data is not None:
            require_path(self.data)
