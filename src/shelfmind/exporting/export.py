"""`export`: a run as one file that other engines answer from, written once its answers were found to be the run's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from shelfmind.arrays import Floats
from shelfmind.errors import UserError, argument
from shelfmind.exporting.onnx_graph import onnx_graph
from shelfmind.exporting.parity import Parity, answers_of, parity
from shelfmind.files import require_writable
from shelfmind.images.preparation import Normalisation
from shelfmind.images.squares import open_squares
from shelfmind.inference.classifier import Classifier
from shelfmind.inference.engines.choice import file_checksum, how_to_install, installed_engines, made
from shelfmind.inference.engines.mindspore import network_of
from shelfmind.inference.exported import Exported, write_exported
from shelfmind.inference.predictor import RunPredictor
from shelfmind.models.heads import Head
from shelfmind.nouns import counted
from shelfmind.records import Sample
from shelfmind.requests.calling import takes
from shelfmind.requests.exporting import ExportRequest
from shelfmind.requests.watching import SILENT, Observer
from shelfmind.runs.calibration import temperatures
from shelfmind.runs.folder import RunFolder, read_json
from shelfmind.runs.known_data import open_known

PRECISION = "fp32"
SEED = 0


@dataclass(frozen=True)
class Export:
    """A file that was written, and how each engine that is installed here answers from it."""

    path: Path
    parity: Mapping[str, Parity]
    mindspore_images_per_second: float

    def to_json(self) -> dict[str, Any]:
        """All figures."""
        return {
            "path": str(self.path),
            "mindspore_images_per_second": round(self.mindspore_images_per_second, 2),
            "engines": {name: asdict(each) for name, each in self.parity.items()},
        }


@takes(ExportRequest)
def export(request: ExportRequest, watcher: Observer = SILENT) -> Export:
    """Write a run as an ONNX file, after comparing the answers of all engines that are installed with MindSpore's.

    Returns:
        The file, and the comparison for each engine.

    Raises:
        UserError: no run or data, no engine, a network that cannot be written, or answers that differ by more than the
            tolerance: then nothing is written.
    """
    run = RunFolder(request.run)
    out = run.exported if request.out is None else request.out
    require_writable(out)
    engines = installed_engines()
    if not engines:
        how = how_to_install()
        raise UserError(f"an export is checked by the engines that will run it, and none is installed; run: {how}")
    predictor = RunPredictor(run, tta=(), calibrated=False)
    samples = _samples(request, run, watcher)
    squares, good, _ = open_squares(samples, predictor.recipe.data, watcher.counter("checking images", len(samples)))
    if not good:
        raise UserError(f"no image can be used to compare answers by, of {counted(len(samples), 'image')}")
    exported = _exported(out, predictor)
    images = [squares[index] for index in range(len(squares))]
    labels = np.array([sample.label for sample in good], np.int64)
    progress = watcher.counter("comparing answers", 1 + len(engines))
    size, batch_size = predictor.recipe.evaluation_size, predictor.recipe.evaluation.batch_size
    before = answers_of(predictor.engine, images, size, batch_size)
    progress(1)
    found: dict[str, Parity] = {}
    for name in engines:
        after = answers_of(made(name)(exported, batch_size, None), images, size, batch_size)
        found[name] = parity(before, after, labels)
        progress(1)
    _require_parity(found, request.tolerance)
    facts = {**exported.facts, "parity": {name: asdict(each) for name, each in found.items()}}
    write_exported(out, exported.content, facts, exported.classifier)
    return Export(out, found, before.images_per_second)


def _samples(request: ExportRequest, run: RunFolder, watcher: Observer) -> list[Sample]:
    """Images of the run's classes to compare answers by: of val, else of what there is; the same in every call."""
    origin = read_json(run.provenance)["data"] if run.provenance.exists() else {}
    data = request.data if request.data is not None else Path(str(origin.get("path", "")))
    if request.data is None and not (origin and data.exists()):
        raise UserError(f"the run's data is not at {data} any more; say where: {argument('data', 'DATA')}")
    form = request.data_format if request.data is not None else origin["format"]
    catalog = open_known([run], data, form, watcher.counter, allow_seen=True).catalog
    samples = list(catalog.split("val") or catalog.samples)
    chosen = np.random.default_rng(SEED).permutation(len(samples))[: request.images]
    return [samples[index] for index in sorted(chosen.tolist())]


def _exported(path: Path, predictor: RunPredictor) -> Exported:
    model = network_of(predictor.engine)
    recipe, run = predictor.recipe, predictor.run
    graph = onnx_graph(model, Normalisation(recipe.data), recipe.evaluation_size)
    facts = {
        "recipe": recipe.model_dump(mode="json"),
        "class_names": list(predictor.class_names),
        "train_images": list(predictor.train_images),
        "weights": predictor.checksum,
        "weights_file": file_checksum(run.weights),
        "width": predictor.engine.width,
        "precision": PRECISION,
        "temperatures": temperatures(run, predictor.checksum),
        "provenance": read_json(run.provenance) if run.provenance.exists() else {},
    }
    head = getattr(model, "head", None)  # only networks of ours have one
    return Exported(path, graph.SerializeToString(), facts, None if head is None else classifier_of(head))


def classifier_of(head: Head) -> Classifier:
    """The classifier of a head, in NumPy."""
    own: Any = head.classifier
    bias: Floats | None = own.bias.asnumpy() if getattr(own, "bias", None) is not None else None
    return Classifier(own.weight.asnumpy(), bias, getattr(own, "scale", None))


def _require_parity(found: Mapping[str, Parity], tolerance: float) -> None:
    for name, each in found.items():
        if each.greatest_difference > tolerance:
            raise UserError(
                f"{name} differs from MindSpore by up to {each.greatest_difference:.2g} in a probability (the best "
                f"class is the same for {each.agreement:.2%} of {counted(each.images, 'image')}), more than "
                f"{argument('tolerance', tolerance)}; nothing was written"
            )
