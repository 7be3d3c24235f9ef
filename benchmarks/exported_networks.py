"""Create the networks for `engines.py` and `whole_command.py`: exported runs with random weights, and PyTorch twins.

    .venv/bin/python benchmarks/exported_networks.py FOLDER NAME:SIZE... [--files onnx:int8 openvino:bf16 ...]

Weights are random, which does not affect the speed. Moving statistics come from synthetic images, so that activations
stay as large as in a trained network. ``FOLDER/NAME_SIZE`` is a run with its exported files; its ``weights.npz`` holds
the weights with the preprocessing sizes and colours. The run has no data, so `engines.py` compares the outputs.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import mindspore_started  # noqa: F401 - before MindSpore
import numpy as np
from command import exit_status, parser_of
from mindspore import Tensor
from synthetic_squares import synthetic_squares

from shelfmind.errors import UserError
from shelfmind.exporting.export import classifier_of
from shelfmind.exporting.networks import WRITERS, Source
from shelfmind.files import write_text
from shelfmind.images.preparation import Normalisation
from shelfmind.inference.engines.choice import ENGINES, file_checksum
from shelfmind.inference.exported import write_exported
from shelfmind.models import create_model
from shelfmind.models.checkpoint import Checkpoint, save_checkpoint
from shelfmind.models.network import OwnNetwork
from shelfmind.recipe import Recipe, load_recipe, model_kind
from shelfmind.runs.folder import RunFolder

CLASSES = 81
SQUARES = {112: 128, 160: 192, 224: 256}
"""Size of the intermediate squares, by input size of the network."""
PASSES, CALIBRATION = 30, 64
"""Passes for the moving statistics (momentum 0.1), and calibration images for int8 ranges."""
WEIGHTS = "weights.npz"
FILES = ("onnx:fp32", "onnx:int8", "openvino:fp32", "openvino:int8", "openvino:bf16", "mindir:fp32")


def make(folder: Path, name: str, size: int, files: list[str]) -> Path:
    """Create one network at one size. Return its folder."""
    if size not in SQUARES:
        raise UserError(f"size {size} of {name} is not one of {', '.join(map(str, SQUARES))}")
    recipe = load_recipe("base", [f"model.name={name}", f"data.image_size={size}", f"data.resize_to={SQUARES[size]}"])
    model = _random_network(name, Normalisation(recipe.data))
    run = RunFolder(folder / f"{name}_{size}")
    run.root.mkdir(parents=True, exist_ok=True)
    weights = {parameter.name: parameter.asnumpy() for parameter in model.get_parameters()}
    class_names = [f"product {number:02d}" for number in range(CLASSES)]
    write_text(run.recipe, recipe.dump())
    run.write_classes(class_names, [30] * CLASSES)
    save_checkpoint(run.weights, Checkpoint(weights, model_kind(recipe, CLASSES)))
    prepared: dict[str, Any] = {
        "size": recipe.evaluation_size,
        "fill": recipe.data.fill,
        "mean": recipe.data.mean,
        "std": recipe.data.std,
    }
    np.savez(run.root / WEIGHTS, class_names=class_names, model=name, **prepared, **weights)
    for wanted in files:
        _export(run, model, recipe, *wanted.split(":"))
    return run.root


def _random_network(name: str, normalised: Normalisation) -> OwnNetwork:
    """Return a network without branches that start at 0: every layer matters, so equal outputs mean equal networks."""
    model = create_model(name, CLASSES, seed=3)
    if not isinstance(model, OwnNetwork):
        raise UserError(f"{name} is a network of another library")
    for parameter in model.get_parameters():
        if parameter.name.endswith("norm.gamma") and not parameter.asnumpy().any():
            parameter.set_data(Tensor(np.full(parameter.shape, 0.5, np.float32)))
    model.set_train(True)
    batch = Tensor(normalised(synthetic_squares(16, 112, seed=0)))
    for _ in range(PASSES):
        model(batch)
    model.set_train(False)
    return model


def _export(run: RunFolder, model: OwnNetwork, recipe: Recipe, form: str, precision: str) -> None:
    """Export one file, marked as compared so that any engine accepts it."""
    size, count = recipe.evaluation_size, recipe.evaluation.batch_size
    normalised = Normalisation(recipe.data)
    source = Source(model, normalised, size, count, precision, lambda: synthetic_squares(CALIBRATION, size, seed=1))
    names, train_images = run.read_classes()
    facts = {
        "recipe": recipe.model_dump(mode="json"),
        "class_names": names,
        "train_images": train_images,
        "weights": f"random, {recipe.model.name}",
        "weights_file": file_checksum(run.weights),
        "width": model.embedding_width,
        "precision": precision,
        "temperatures": [],
        "parity": {engine: {"images_per_second": 1.0} for engine in ENGINES},
        "provenance": {},
    }
    write_exported(run.export_of(form, precision), form, WRITERS[form](source), facts, classifier_of(model.head))


def main() -> int:
    """Create the selected networks. Return the exit status."""
    parser = parser_of(__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("networks", nargs="+", metavar="NAME:SIZE")
    parser.add_argument("--files", nargs="+", choices=FILES, default=["onnx:fp32"], help="(default: onnx:fp32)")
    arguments = parser.parse_args()

    def work() -> None:
        for wanted in arguments.networks:
            name, _, size = wanted.partition(":")
            make(arguments.folder, name, int(size), arguments.files)

    return exit_status(work)


if __name__ == "__main__":
    sys.exit(main())
