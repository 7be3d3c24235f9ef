"""`export`: write a run as a single file for other engines, after verifying its outputs against the run's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from shelfmind.arrays import Floats, Ints
from shelfmind.data import is_present
from shelfmind.errors import UserError, argument
from shelfmind.exporting.networks import BY_ONNX, WRITERS, Source
from shelfmind.exporting.parity import Parity, accepted, parity, require_parity, run_engine
from shelfmind.files import require_writable
from shelfmind.images.preparation import Normalisation
from shelfmind.images.rescaling import rescaled
from shelfmind.images.squares import Square, open_squares
from shelfmind.inference.classifier import Classifier
from shelfmind.inference.engines import Batch
from shelfmind.inference.engines.choice import ENGINES, engine_factory, engines_for, file_checksum, how_to_install
from shelfmind.inference.engines.mindspore import network_of
from shelfmind.inference.exported import Exported, write_exported
from shelfmind.inference.predictor import RunPredictor
from shelfmind.machine.instructions import require_instructions
from shelfmind.machine.packages import require
from shelfmind.models.heads import Head
from shelfmind.nouns import counted
from shelfmind.recipe import Recipe
from shelfmind.records import Catalog, Sample
from shelfmind.requests.calling import takes
from shelfmind.requests.exporting import ExportRequest
from shelfmind.requests.watching import SILENT, Observer
from shelfmind.runs.calibration import temperatures
from shelfmind.runs.folder import RunFolder, read_json
from shelfmind.runs.known_data import open_known

SEED = 0


@dataclass(frozen=True)
class Export:
    """The exported file, the comparison for each installed engine, and notes."""

    path: Path
    precision: str
    parity: Mapping[str, Parity]
    mindspore_images_per_second: float
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return all figures as JSON values."""
        return {
            "path": str(self.path),
            "precision": self.precision,
            "mindspore_images_per_second": round(self.mindspore_images_per_second, 2),
            "engines": {name: asdict(each) for name, each in self.parity.items()},
            "notes": list(self.notes),
        }


@takes(ExportRequest)
def export(request: ExportRequest, watcher: Observer = SILENT) -> Export:
    """Export a run as a file, after comparing the outputs of all installed engines that read it with MindSpore's.

    Returns:
        The file, and the comparison for each engine.

    Raises:
        UserError: there is no run or data, no installed engine supports the format and precision, the network cannot be
            exported, or the outputs differ by more than the tolerance. Nothing is written in these cases.
    """
    run = RunFolder(request.run)
    out = run.export_of(request.format, request.precision) if request.out is None else request.out
    require_writable(out)
    engines = _engines(request.format, request.precision)
    predictor = RunPredictor(run, tta=(), calibrated=False)
    images = _Images(request, run, predictor.recipe, watcher)
    exported = _exported(out, request, predictor, images)
    squares, labels = images.for_comparison()
    progress = watcher.counter("comparing outputs", 1 + len(engines), "engines")
    size, batch_size = predictor.recipe.evaluation_size, predictor.recipe.evaluation.batch_size
    before = run_engine(predictor.engine, squares, size, batch_size)
    progress(1)
    found: dict[str, Parity] = {}
    for name in engines:
        after = run_engine(engine_factory(name)(exported, batch_size, None), squares, size, batch_size)
        found[name] = parity(before, after, labels)
        progress(1)
    tolerance = accepted(request.precision, request.tolerance)
    notes = [note for name, each in found.items() for note in require_parity(name, each, request.precision, tolerance)]
    for note in notes:
        watcher.note(note)
    facts = {**exported.facts, "parity": {name: asdict(each) for name, each in found.items()}}
    write_exported(out, request.format, exported.content, facts, exported.classifier)
    return Export(out, request.precision, found, before.images_per_second, tuple(notes))


def _engines(format: str, precision: str) -> list[str]:
    """Return the engines to verify a file with. Raises `UserError` if there are none."""
    able = [name for name, kind in ENGINES.items() if precision in kind.reads.get(format, ())]
    if not able:
        pairs = dict.fromkeys((each, p) for kind in ENGINES.values() for each, ps in kind.reads.items() for p in ps)
        others = ", ".join(f"{each} in {p}" for each, p in pairs)
        raise UserError(f"no engine runs the format {format} in {precision}; supported: {others}")
    if format in BY_ONNX:
        require("onnx")  # its extra also installs an engine
    require_instructions(precision, f"to verify a file in {precision}")
    engines = engines_for(format, precision)
    if not engines:
        how = how_to_install(able)
        raise UserError(f"no engine to verify the export with is installed; run: {how}")
    return engines


def _exported(path: Path, request: ExportRequest, predictor: RunPredictor, images: _Images) -> Exported:
    model = network_of(predictor.engine)
    recipe, run = predictor.recipe, predictor.run
    source = Source(
        model,
        Normalisation(recipe.data),
        recipe.evaluation_size,
        recipe.evaluation.batch_size,
        request.precision,
        images.for_calibration,
    )
    network = WRITERS[request.format](source)
    facts = {
        "recipe": recipe.model_dump(mode="json"),
        "class_names": list(predictor.class_names),
        "train_images": list(predictor.train_images),
        "weights": predictor.checksum,
        "weights_file": file_checksum(run.weights),
        "width": predictor.engine.width,
        "precision": request.precision,
        "temperatures": temperatures(run, predictor.checksum),
        "provenance": read_json(run.provenance) if run.provenance.exists() else {},
    }
    head = getattr(model, "head", None)  # only shelfmind's networks have one
    return Exported(path, network, request.format, facts, None if head is None else classifier_of(head))


def classifier_of(head: Head) -> Classifier:
    """Return the classifier of a head in NumPy."""
    own: Any = head.classifier
    bias: Floats | None = own.bias.asnumpy() if getattr(own, "bias", None) is not None else None
    return Classifier(own.weight.asnumpy(), bias, getattr(own, "scale", None))


class _Images:
    """Images of the run's data: some to compare outputs on, and training images to calibrate integer ranges."""

    def __init__(self, request: ExportRequest, run: RunFolder, recipe: Recipe, watcher: Observer) -> None:
        self.request, self.run, self.recipe, self.watcher = request, run, recipe, watcher

    def for_comparison(self) -> tuple[list[Square], Ints]:
        """Squares and labels from val, or else from images that `for_calibration` does not use."""
        samples = list(self._catalog.split("val"))
        if not samples:
            taken = {sample.path for sample in self._training} if self.request.precision == "int8" else set()
            samples = [sample for sample in self._catalog.samples if sample.path not in taken]
        squares, good = self._opened(_some(samples, self.request.compared), "compare outputs")
        return squares, np.array([sample.label for sample in good], np.int64)

    def for_calibration(self) -> Batch:
        """Training images as network input, (N, S, S, 3)."""
        squares, _ = self._opened(self._training, "calibrate integer ranges")
        return np.stack([rescaled(square, self.recipe.evaluation_size) for square in squares])

    @cached_property
    def _training(self) -> list[Sample]:
        return _some(list(self._catalog.split("train")), self.request.calibration)

    @cached_property
    def _catalog(self) -> Catalog:
        request, provenance = self.request, self.run.provenance
        origin = read_json(provenance)["data"] if provenance.exists() else {}
        data = request.data if request.data is not None else Path(str(origin.get("path", "")))
        if request.data is None and not (origin and is_present(data)):
            raise UserError(f"the run's data is no longer at {data}; set its location: {argument('data', 'DATA')}")
        form = request.data_format if request.data is not None else origin["format"]
        return open_known([self.run], data, form, self.watcher.counter, allow_seen=True).catalog

    def _opened(self, samples: list[Sample], purpose: str) -> tuple[list[Square], list[Sample]]:
        counter = self.watcher.counter("checking images", len(samples))
        squares, good, _ = open_squares(samples, self.recipe.data, counter) if samples else ([], [], [])
        if not good:
            raise UserError(f"none of {counted(len(samples), 'image')} can be used to {purpose}")
        return [squares[index] for index in range(len(squares))], good


def _some(samples: list[Sample], count: int) -> list[Sample]:
    """Sample some of them, the same ones in every call."""
    chosen = np.random.default_rng(SEED).permutation(len(samples))[:count]
    return [samples[index] for index in sorted(chosen.tolist())]
