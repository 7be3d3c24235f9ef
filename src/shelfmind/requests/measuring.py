"""The requests of the verbs that evaluate and use runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar, Literal

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
    Ray,
    Rules,
    Run,
    Tta,
    Workers,
    require_cluster,
    require_path,
    require_run,
    require_run_or_file,
)

GALLERY_REPORT = "gallery_report.html"


class EvaluateRequest(Request):
    """The runs to evaluate, and the data."""

    examples: ClassVar[tuple[str, ...]] = (
        "shelfmind evaluate runs/first photos",
        "shelfmind evaluate runs/first photos --split val --tta flip,scale --json val.json",
        "shelfmind evaluate runs/first photos --split new",
        "shelfmind evaluate runs/first photos --logit-adjust 0.5",
        "shelfmind evaluate runs/a runs/b runs/c photos --out runs/together",
        "shelfmind evaluate runs/first photos --gallery products",
    )

    runs: Annotated[tuple[Path, ...], Positional("RUN..."), ONE_OR_MORE] = Field(
        min_length=1, description="One or more run folders made by `shelfmind train`."
    )
    data: Data
    split: str | None = Field(
        None,
        description="Split to evaluate: train, val, test, new (photos unknown to the run), or several, as "
        "in test,new. Defaults to test if there is one.",
    )
    tta: Tta = None
    engine: Engine = "auto"
    rules: Rules = None
    batch: Batch = None
    logit_adjust: float | None = Field(
        None,
        description="Strength of logit adjustment: 0 leaves predictions unchanged, 1 assumes equally frequent classes.",
    )
    out: Annotated[Path | None, Incidental] = Field(None, description="Folder for the results of several runs.")
    ensembling: Annotated[str, choice_of("ensembling rule", "evaluation.ensemble:ENSEMBLING")] = Field(
        "likelihood",
        description="How to average several runs: likelihood (weighted by validation likelihood), equal, or geometric.",
    )
    gallery: str | None = Field(
        None, description="Calibrated gallery. Its products are recognised in addition to the trained classes."
    )
    max_bad_fraction: MaxBadFraction = MAX_BAD_FRACTION
    allow_seen: AllowSeen = False
    format: Format = None

    @model_validator(mode="after")
    def _fits_gallery(self) -> EvaluateRequest:
        gallery = argument("gallery")
        if self.gallery is not None and len(self.runs) > 1:
            raise UserError(f"{gallery} works with one run only, the one that computes its embeddings")
        if self.gallery is not None and (self.tta is not None or self.logit_adjust is not None):
            raise UserError(f"{gallery} cannot be combined with {argument('tta')} or {argument('logit_adjust')}")
        return self

    @model_validator(mode="after")
    def _one_or_several(self) -> EvaluateRequest:
        out = argument("out")
        if len(self.runs) > 1 and self.out is None:
            raise UserError(f"several runs need {out} for their results")
        if len(self.runs) > 1 and self.logit_adjust is not None:
            raise UserError(
                f"several runs cannot be combined with {argument('logit_adjust')}; evaluate them one by one"
            )
        if len(self.runs) == 1 and self.out is not None:
            raise UserError(f"{out} is for several runs; the results of a single run are written to its folder")
        return self

    @property
    def results(self) -> Path:
        """The folder of the results."""
        return self.out or self.runs[0]

    @property
    def report_name(self) -> str:
        """The file name of the report in that folder."""
        return "report.html" if self.gallery is None else GALLERY_REPORT

    def require_inputs(self) -> None:
        """Check that the runs and the data exist."""
        for run in self.runs:
            require_run(run)
        require_path(self.data)


class CalibrateRequest(Request):
    """The run to calibrate, and the data."""

    details: ClassVar[str] = (
        "The temperature is kept only if it significantly improves the likelihood of held-out labels; otherwise "
        "it stays 1."
    )
    examples: ClassVar[tuple[str, ...]] = ("shelfmind calibrate runs/first photos",)

    run: Run
    data: Data
    split: str = Field("val", description="Split to calibrate on. test is rejected.")
    tta: Tta = None
    max_bad_fraction: MaxBadFraction = MAX_BAD_FRACTION
    allow_seen: AllowSeen = False
    format: Format = None

    def require_inputs(self) -> None:
        """Check that the run and the data exist."""
        require_run(self.run)
        require_path(self.data)


class PredictRequest(Request):
    """The images to recognise, and the run."""

    examples: ClassVar[tuple[str, ...]] = (
        "shelfmind predict runs/first photo.jpg",
        "shelfmind predict runs/first new/ --top 3 --out predictions.csv",
        "shelfmind predict shelf.onnx new/ --engine openvino --batch auto",
        "shelfmind predict runs/first photo.jpg --gallery products",
        "shelfmind predict runs/first front.jpg side.jpg --gallery products --together",
        "shelfmind predict shelf.onnx /photos --out predictions.csv --ray auto --workers 16",
    )

    run: Annotated[Path, Positional(), Field(description="Run folder, or a file written by `shelfmind export`.")]
    paths: Images = Field(min_length=1, description="Images, folders of images, or patterns such as 'new/*.jpg'.")
    top: int = Field(5, ge=1, description="Number of predictions per image.")
    out: Annotated[Path | None, Incidental] = Field(
        None, description="Output file: .csv, .jsonl or .npz. By default predictions are only printed."
    )
    tta: Tta = None
    engine: Engine = "auto"
    rules: Rules = None
    batch: Batch = None
    decode: Decode = "exact"
    gallery: str | None = Field(
        None, description="Calibrated gallery. Its products are recognised in addition to the trained classes."
    )
    together: bool = Field(
        False, description=f"All images show the same object: give one joint answer. Needs {argument('gallery')}."
    )
    ray: Ray = None
    workers: Workers = None

    @model_validator(mode="after")
    def _fits_gallery(self) -> PredictRequest:
        gallery, together = argument("gallery"), argument("together")
        if self.together and self.gallery is None:
            raise UserError(f"{together} needs {gallery}")
        if self.together and self.out is not None and self.out.suffix == ".npz":
            raise UserError(f"{together} writes .csv or .jsonl, not .npz")
        if self.tta is not None and self.gallery is not None:
            raise UserError(f"{gallery} uses the views of its embeddings and excludes {argument('tta')}")
        return self

    @model_validator(mode="after")
    def _fits_cluster(self) -> PredictRequest:
        require_cluster(self.ray, self.workers)
        if self.ray is not None and self.out is None:
            raise UserError(f"{argument('ray')} needs {argument('out')}, the file that the parts are joined to")
        if self.ray is not None and self.together:
            raise UserError(f"{argument('together')} is for a few photos of one object and excludes {argument('ray')}")
        return self

    def advice_when_stopped(self) -> str | None:
        """Parts of a cluster are kept."""
        return None if self.ray is None else "finished parts are kept. Run the same command again to resume"

    def require_inputs(self) -> None:
        """Check that the run or file exists."""
        require_run_or_file(self.run)


class EmbedRequest(Request):
    """The images to embed, and the run."""

    details: ClassVar[str] = (
        "Writes one row per image: path, class and split (of a data set), embedding, and error for an unusable file. "
        "If interrupted, run the same command again to resume. Needs shelfmind[parquet]."
    )
    examples: ClassVar[tuple[str, ...]] = (
        "shelfmind embed runs/first new/ --out embeddings.parquet",
        "shelfmind embed shelf.onnx --data photos --dtype float16 --out photos.parquet",
        "shelfmind embed shelf.onnx --data photos --out photos.parquet --ray auto --workers 16",
    )

    run: Annotated[Path, Positional(), Field(description="Run folder, or a file written by `shelfmind export`.")]
    paths: Images = Field((), description="Images, folders of images, or patterns such as 'new/*.jpg'.")
    data: Path | None = Field(None, description="Data set to embed instead; adds the columns class and split.")
    out: Annotated[Path, Incidental] = Field(description="Output file: .parquet.")
    dtype: Literal["float32", "float16"] = Field("float32", description="Type of the values of an embedding.")
    part_size: int = Field(1024, ge=1, description="Images between two saves, and in each part of a cluster's work.")
    engine: Engine = "auto"
    rules: Rules = None
    batch: Batch = None
    decode: Decode = "exact"
    format: Format = None
    ray: Ray = None
    workers: Workers = None

    @model_validator(mode="after")
    def _images_or_data(self) -> EmbedRequest:
        require_cluster(self.ray, self.workers)
        if bool(self.paths) == (self.data is not None):
            raise UserError(f"give either images or {argument('data')}")
        return self

    def advice_when_stopped(self) -> str | None:
        """Finished parts are kept."""
        return "finished parts are kept. Run the same command again to resume"

    def require_inputs(self) -> None:
        """Check that the run or file exists, and the data set."""
        require_run_or_file(self.run)
        if self.data is not None:
            require_path(self.data)


class ExplainRequest(Request):
    """The images to explain, and the run."""

    examples: ClassVar[tuple[str, ...]] = (
        "shelfmind explain runs/first wrong.jpg --out explained",
        "shelfmind explain runs/first new/ --class 可乐330ml --out explained",
        "shelfmind explain runs/first new/ --gallery products --out explained",
    )

    run: Annotated[Path, Positional(), Field(description="Run folder made by `shelfmind train`.")]
    paths: Images = Field(min_length=1, description="Images, folders of images, or patterns such as 'new/*.jpg'.")
    out: Annotated[Path, Incidental] = Field(description="Folder to create for the page and the images.")
    class_name: Annotated[str | None, Flag("--class")] = Field(
        None, description="Class or product to explain. Defaults to the prediction for each image."
    )
    gallery: str | None = Field(None, description="a calibrated gallery, whose products are explained, too")
    neighbours: int = Field(4, ge=0, description="Number of similar training images to show per image.")
    overwrite: bool = Field(False, description="Replace an earlier page in the output folder.")

    def require_inputs(self) -> None:
        """Check that the run exists."""
        require_run(self.run)
