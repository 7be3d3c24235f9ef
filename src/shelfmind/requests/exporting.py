"""The request of `export`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import Field

from shelfmind.choices import choice_of
from shelfmind.requests.request import Incidental, Request
from shelfmind.requests.shared import Format, Run, require_path, require_run


class ExportRequest(Request):
    """The run to export, the format, and how to verify the file."""

    details: ClassVar[str] = (
        "The exported network takes square 8-bit images; the file also contains recipe, class names and "
        "temperatures. `predict`, `shelfmind.load` and `shelfmind.recognizer` accept it and need MindSpore for "
        "MindIR only."
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
        "onnx", description="File format: onnx (for ONNX Runtime and OpenVINO), openvino, or mindir (for MindSpore)."
    )
    precision: Annotated[str, choice_of("precision", "machine.instructions:PRECISIONS")] = Field(
        "fp32", description="Numeric precision: fp32, int8 or bf16, if the engine and the processor support it."
    )
    out: Annotated[Path | None, Incidental] = Field(
        None, description="Output file. Defaults to a file in the run folder, where --engine finds it."
    )
    data: Path | None = Field(None, description="Data set to compare predictions on, if the run's own data was moved.")
    data_format: Format = None
    images: int | None = Field(
        None,
        ge=1,
        description="Number of images to compare, from val if there is one. Defaults to 300 for fp32, else 1000.",
    )
    calibration: int = Field(256, ge=1, description="Number of training images for int8 calibration.")
    tolerance: float | None = Field(
        None,
        gt=0,
        description="Accepted deviation from MindSpore. fp32: maximum difference of a probability, 0.0001 by "
        "default; int8 and bf16: maximum loss of accuracy, 0.005 by default.",
    )

    @property
    def compared(self) -> int:
        """Number of images to compare: 300 reveal a wrong operator, half a point of accuracy needs more."""
        return self.images or (300 if self.precision == "fp32" else 1000)

    def require_inputs(self) -> None:
        """Check that the run and the data exist."""
        require_run(self.run)
        if self.data is not None:
            require_path(self.data)
