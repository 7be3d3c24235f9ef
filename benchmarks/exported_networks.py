"""Makes what `engines.py` and `whole_command.py` compare: exported files, and the same weights for PyTorch.

    .venv/bin/python benchmarks/exported_networks.py FOLDER NAME:SIZE...

The weights are drawn, which the speed does not depend on. `FOLDER/NAME_SIZE.onnx` is an fp32 file,
`FOLDER/NAME_SIZE.npz` the weights with the sizes and colours that photos are prepared by. Files in other precisions,
which take a trained run and its photos, come from ``shelfmind export``.
"""

from __future__ import annotations

import sys
from pathlib import Path

import mindspore_started  # noqa: F401 - before MindSpore
import numpy as np
from mindspore import Tensor

from shelfmind.exporting.export import classifier_of
from shelfmind.exporting.onnx_graph import onnx_graph
from shelfmind.images.preparation import Normalisation
from shelfmind.inference.exported import write_exported
from shelfmind.models import create_model
from shelfmind.recipe import load_recipe

CLASSES = 81
SQUARES = {112: 128, 160: 192, 224: 256}
"""By the size that the network takes, that of the squares that photos become first."""


def make(folder: Path, name: str, size: int) -> None:
    """One network at one size."""
    recipe = load_recipe("base", [f"model.name={name}", f"data.image_size={size}", f"data.resize_to={SQUARES[size]}"])
    model = create_model(name, CLASSES, seed=3)
    for parameter in model.get_parameters():
        # Branches start at 0 in shelfmind; here every layer counts, so that equal answers mean equal networks.
        if parameter.name.endswith(("branch.2.norm.gamma", "branch.1.norm.gamma")):
            parameter.set_data(Tensor(np.full(parameter.shape, 0.5, np.float32)))
    weights = {parameter.name: parameter.asnumpy() for parameter in model.get_parameters()}
    class_names = [f"product {number:02d}" for number in range(CLASSES)]
    graph = onnx_graph(model, Normalisation(recipe.data), recipe.evaluation_size)
    facts = {
        "recipe": recipe.model_dump(mode="json"),
        "class_names": class_names,
        "train_images": [30] * CLASSES,
        "weights": f"drawn for {name}",
        "weights_file": "",
        "width": model.embedding_width,
        "precision": "fp32",
        "temperatures": [],
        "parity": {engine: {"images_per_second": 1.0} for engine in ("onnx", "openvino")},
        "provenance": {},
    }
    stem = folder / f"{name}_{size}"
    write_exported(stem.with_suffix(".onnx"), "onnx", graph.SerializeToString(), facts, classifier_of(model.head))
    prepared = {
        "size": recipe.evaluation_size,
        "fill": recipe.data.fill,
        "mean": recipe.data.mean,
        "std": recipe.data.std,
    }
    np.savez(stem.with_suffix(".npz"), class_names=class_names, model=name, **prepared, **weights)


if __name__ == "__main__":
    for wanted in sys.argv[2:]:
        name, _, size = wanted.partition(":")
        make(Path(sys.argv[1]), name, int(size))
