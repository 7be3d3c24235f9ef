"""Every network is written as ONNX and answers as MindSpore does, images of another number and size included."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shelfmind.errors import UserError
from shelfmind.images.preparation import Normalisation
from shelfmind.inference.engines import EMBEDDINGS, IMAGES, PROBABILITIES
from shelfmind.inference.engines.onnx import MIN_IMAGES_PER_CORE, OnnxEngine
from shelfmind.inference.exported import Exported
from shelfmind.model_facts import list_models
from shelfmind.recipe import DataRecipe, EvaluationRecipe, Recipe

pytestmark = pytest.mark.skipif(  # found without importing it: MindSpore must be the first to load protobuf
    find_spec("onnx") is None or find_spec("onnxruntime") is None, reason="onnx or ONNX Runtime is not installed"
)
CLASSES = 7
QUICK: dict[str, dict[str, Any]] = {"shelfnet_s": {}, "inception_resnet_v2": {"depths": (1, 1, 2)}}
"""Names and arguments; the others are of parts that these have, too, but for other gates or more blocks."""


def check(name: str, mindspore: Any, **arguments: Any) -> None:
    """Export the network and compare answers."""
    import onnxruntime

    from shelfmind.exporting.onnx_graph import onnx_graph
    from shelfmind.inference.engines.mindspore import MindSporeEngine
    from shelfmind.models import create_model

    model = create_model(name, CLASSES, seed=3, **arguments)
    generator = np.random.default_rng(0)
    for parameter in model.get_parameters():
        if parameter.name.endswith(("moving_mean", "beta")):
            parameter.set_data(mindspore.Tensor(generator.normal(0, 0.1, parameter.shape).astype(np.float32)))
        elif parameter.name.endswith(("moving_variance", "gamma")):
            parameter.set_data(mindspore.Tensor(generator.uniform(0.5, 0.9, parameter.shape).astype(np.float32)))
    size = max(65, model.least_image_size)
    recipe = Recipe(data=DataRecipe(image_size=size), evaluation=EvaluationRecipe(batch_size=2))
    images = generator.integers(0, 256, (2, size, size, 3), np.uint8)
    expected = MindSporeEngine(model, recipe)(images)
    graph = onnx_graph(model, Normalisation(recipe.data), size).SerializeToString()
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    found = session.run([PROBABILITIES, EMBEDDINGS], {IMAGES: images})
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-4 * np.abs(theirs).max())
    assert np.ptp(expected[1]) > 1e-3
    larger = session.run([PROBABILITIES], {IMAGES: np.zeros((3, size + 17, size + 17, 3), np.uint8)})[0]
    np.testing.assert_allclose(larger.sum(axis=1), np.ones(3), rtol=1e-5)
    many = generator.integers(0, 256, (MIN_IMAGES_PER_CORE * 2 + 1, size, size, 3), np.uint8)
    engine = OnnxEngine(Exported(Path("network.onnx"), graph, "onnx", {"precision": "fp32"}, None), 2, threads=2)
    for parted, whole in zip(engine(many), session.run([PROBABILITIES, EMBEDDINGS], {IMAGES: many}), strict=True):
        np.testing.assert_allclose(parted, whole, rtol=1e-4, atol=1e-6 * np.abs(whole).max())
    assert "of_one_core" in vars(engine), "many images are parted among the cores"


@pytest.mark.parametrize("name", QUICK)
def test_a_network_answers_as_mindspore(name: str, mindspore: Any) -> None:
    check(name, mindspore, **QUICK[name])


def test_a_normalised_neck_is_exported_with_its_network(mindspore: Any) -> None:
    check("resnet18", mindspore, widths=(8, 8, 8, 16), depths=(1, 1, 1, 1), neck=True, neck_bias=False)


def test_a_missing_package_is_named(mindspore: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from shelfmind.exporting.onnx_graph import onnx_graph
    from shelfmind.models import create_model

    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(UserError, match=r"pip install 'shelfmind\[export\]'"):
        onnx_graph(create_model("shelfnet_s", CLASSES), Normalisation(DataRecipe()), 64)


@pytest.mark.slow
@pytest.mark.thorough
@pytest.mark.parametrize("name", [name for name in list_models() if QUICK.get(name) != {}])
def test_every_network_answers_as_mindspore(name: str, mindspore: Any) -> None:
    check(name, mindspore)
