"""What the verbs take that measure and use runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import Field, model_validator

from shelfmind.choices import choice_of
from shelfmind.errors import UserError, argument
from shelfmind.requests.request import ONE_OR_MORE, Flag, Incidental, Positional, Request
from shelfmind.requests.shared import (
    MAX_BAD_FRACTION,
    AllowSeen,
    Batch,
    Data,
    Decode,
    Engine,
    Format,
    Images,
    MaxBadFraction,
    Rules,
    Run,
    Tta,
    require_path,
    require_run,
    require_run_or_file,
)

GALLERY_REPORT = "gallery_report.html"


class EvaluateRequest(Request):
    """Which runs are measured, on what."""

    examples: ClassVar[tuple[str, ...]] = (
        "shelfmind evaluate runs/first photos",
        "shelfmind evaluate runs/first photos --split val --tta flip,scale --json val.json",
        "shelfmind evaluate runs/first photos --split new",
        "shelfmind evaluate runs/first photos --logit-adjust 0.5",
        "shelfmind evaluate runs/a runs/b runs/c photos --out runs/together",
        "shelfmind evaluate runs/first photos --gallery products",
    )

    runs: Annotated[tuple[Path, ...], Positional("RUN..."), ONE_OR_MORE] = Field(
        min_length=1, description="a run folder that `shelfmind train` made, or several"
    )
    data: Data
    split: str | None = Field(
        None, description="train, val, test, new (unknown to the run) or some, as in test,new; test if there is any"
    )
    tta: Tta = None
    engine: Engine = "auto"
    rules: Rules = None
    batch: Batch = None
    logit_adjust: float | None = Field(
        None, description="favour rare classes: 0 not at all, 1 as if all were equally frequent"
    )
    out: Annotated[Path | None, Incidental] = Field(None, description="folder for the results of several runs")
    ensembling: Annotated[str, choice_of("ensembling rule", "evaluation.ensemble:ENSEMBLING")] = Field(
        "likelihood",
        description="of several runs: the mean weighted by the likelihood of validation labels, equal, or geometric",
    )
    gallery: str | None = Field(None, description="a calibrated gallery, whose products are answered, too")
    max_bad_fraction: MaxBadFraction = MAX_BAD_FRACTION
    allow_seen: AllowSeen = False
    format: Format = None

    @model_validator(mode="after")
    def _fits_gallery(self) -> EvaluateRequest:
        gallery = argument("gallery")
        if self.gallery is not None and len(self.runs) > 1:
            raise UserError(f"{gallery} goes with one run, the one that makes its vectors")
        if self.gallery is not None and (self.tta is not None or self.logit_adjust is not None):
            raise UserError(f"{gallery} takes neither {argument('tta')} nor {argument('logit_adjust')}")
        return self

    @model_validator(mode="after")
    def _one_or_several(self) -> EvaluateRequest:
        out = argument("out")
        if len(self.runs) > 1 and self.out is None:
            raise UserError(f"several runs need {out} for their results")
        if len(self.runs) > 1 and self.logit_adjust is not None:
            raise UserError(f"several runs take no {argument('logit_adjust')}; evaluate them one by one")
        if len(self.runs) == 1 and self.out is not None:
            raise UserError(f"{out} is for several runs; the results of one are written into its folder")
        return self

    @property
    def results(self) -> Path:
        """The folder that the results are written to."""
        return self.out or self.runs[0]

    @property
    def report_name(self) -> str:
        """The page in that folder."""
        return "report.html" if self.gallery is None else GALLERY_REPORT

    def require_inputs(self) -> None:
        """The runs and the data are there."""
        for run in self.runs:
            require_run(run)
        require_path(self.data)


class CalibrateRequest(Request):
    """Which run's confidence is fitted, to what."""

    details: ClassVar[str] = (
        "It helps if the likelihood of labels that it was not fitted to is better beyond chance; else temperature 1 is "
        "kept."
    )
    examples: ClassVar[tuple[str, ...]] = ("shelfmind calibrate runs/first photos",)

    run: Run
    data: Data
    split: str = Field("val", description="the images to fit to; never test")
    tta: Tta = None
    max_bad_fraction: MaxBadFraction = MAX_BAD_FRACTION
    allow_seen: AllowSeen = False
    format: Format = None

    def require_inputs(self) -> None:
        """The run and the data are there."""
        require_run(self.run)
        require_path(self.data)


class PredictRequest(Request):
    """Which images are named, by what run."""

    examples: ClassVar[tuple[str, ...]] = (
        "shelfmind predict runs/first shelf.jpg",
        "shelfmind predict runs/first new/ --top 3 --out predictions.csv",
        "shelfmind predict shelf.onnx new/ --engine openvino --batch auto",
        "shelfmind predict runs/first shelf.jpg --gallery products",
        "shelfmind predict runs/first front.jpg side.jpg --gallery products --together",
    )

    run: Annotated[Path, Positional(), Field(description="a run folder, or a file that `shelfmind export` wrote")]
    paths: Images = Field(min_length=1, description="images, folders of images, or patterns such as 'new/*.jpg'")
    top: int = Field(5, ge=1, description="guesses for each image")
    out: Annotated[Path | None, Incidental] = Field(
        None, description="predictions.csv, .jsonl or .npz; only counted and shown if not given"
    )
    tta: Tta = None
    engine: Engine = "auto"
    rules: Rules = None
    batch: Batch = None
    decode: Decode = "exact"
    gallery: str | None = Field(None, description="a calibrated gallery, whose products are answered, too")
    together: bool = Field(False, description="all images show one object: one answer, by the gallery")

    @model_validator(mode="after")
    def _fits_gallery(self) -> PredictRequest:
        gallery, together = argument("gallery"), argument("together")
        if self.together and self.gallery is None:
            raise UserError(f"{together} needs {gallery}")
        if self.together and self.out is not None and self.out.suffix == ".npz":
            raise UserError(f"{together} writes .csv or .jsonl, not .npz")
        if self.tta is not None and self.gallery is not None:
            raise UserError(f"with {gallery} the views are those of the gallery's vectors: leave {argument('tta')} out")
        return self

    def require_inputs(self) -> None:
        """The run or the file is there."""
        require_run_or_file(self.run)


class ExplainRequest(Request):
    """Which images are explained, by what run."""

    examples: ClassVar[tuple[str, ...]] = (
        "shelfmind explain runs/first wrong.jpg --out explained",
        "shelfmind explain runs/first new/ --class 可乐330ml --out explained",
        "shelfmind explain runs/first new/ --gallery products --out explained",
    )

    run: Annotated[Path, Positional(), Field(description="a run folder, or a file that `shelfmind export` wrote")]
    paths: Images = Field(min_length=1, description="images, folders of images, or patterns such as 'new/*.jpg'")
    out: Annotated[Path, Incidental] = Field(description="folder to make for the page and the pictures")
    class_name: Annotated[str | None, Flag("--class")] = Field(
        None, description="explain this class or product; what is guessed for each image if not given"
    )
    gallery: str | None = Field(None, description="a calibrated gallery, whose products are explained, too")
    neighbours: int = Field(4, ge=0, description="training images to show beside each")
    overwrite: bool = Field(False, description="replace an earlier page in that folder")

    def require_inputs(self) -> None:
        """The run is there."""
        require_run(self.run)
