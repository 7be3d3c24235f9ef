"""A network in 8 bits: what is quantised, a scale a channel, and answers near those of fp32."""

from __future__ import annotations

from collections import Counter
from importlib.util import find_spec
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from shelfmind.images.preparation import Normalisation
from shelfmind.inference.engines import EMBEDDINGS, IMAGES
from shelfmind.machine.instructions import runs_fast
from shelfmind.recipe import DataRecipe

pytestmark = pytest.mark.skipif(
    find_spec("onnx") is None or find_spec("onnxruntime") is None, reason="onnx or ONNX Runtime is not installed"
)


@pytest.fixture(scope="module")
def graphs(mindspore: Any) -> SimpleNamespace:
    """A network as a graph in fp32 (`plain`) and in 8 bits (`made`), and the images that it was calibrated with."""
    from shelfmind.exporting.onnx_graph import onnx_graph
    from shelfmind.exporting.quantisation import quantised
    from shelfmind.models import create_model

    images = np.random.default_rng(0).integers(0, 256, (4, 64, 64, 3), np.uint8)
    plain = onnx_graph(create_model("shelfnet_s", 7, seed=3), Normalisation(DataRecipe()), 64)
    return SimpleNamespace(plain=plain, made=quantised(plain, images), images=images)


def test_convolutions_compute_in_8_bits_and_gates_and_head_do_not(graphs: SimpleNamespace) -> None:
    from shelfmind.exporting.quantisation import of_whole_maps

    made = graphs.made
    kept = set(of_whole_maps(made.graph))
    inputs = {node.name: node.input[0] for node in made.graph.node}
    convolutions = {node.name for node in made.graph.node if node.op_type == "Conv"}
    for name in convolutions:
        assert ("DequantizeLinear" in inputs[name]) == (name not in kept), name
    assert 0 < len(convolutions & kept) < len(convolutions) / 2
    assert not any(node.op_type == "BatchNormalization" for node in made.graph.node)
    widths = Counter(len(each.dims) for each in made.graph.initializer if each.name.endswith("_scale"))
    assert widths[1] >= len(convolutions - kept)  # a scale a channel
    makers = {name: node.op_type for node in made.graph.node for name in node.output}
    computed = [name for node in made.graph.node if node.op_type == "Add" for name in node.input]
    assert set(map(makers.get, computed)) >= {"Mul", "Relu"}  # a residual branch is rounded once, its sum not at all
    users = [(node.op_type, makers.get(node.input[0])) for node in made.graph.node]
    assert not {("QuantizeLinear", "Add"), ("QuantizeLinear", "Mul")} & set(users)


@pytest.mark.skipif(not runs_fast("int8"), reason="without instructions for them, sums of 8-bit products overflow")
def test_answers_in_8_bits_are_near_those_in_fp32(graphs: SimpleNamespace) -> None:
    import onnxruntime

    asked = {}
    for name in ("plain", "made"):
        content = getattr(graphs, name).SerializeToString()
        session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
        asked[name] = session.run([EMBEDDINGS], {IMAGES: graphs.images})[0]
    noise = ((asked["made"] - asked["plain"]) ** 2).sum() / (asked["plain"] ** 2).sum()
    assert 0 < noise < 10**-4.3  # with ranges by greatest values and the nearest integers 10**-3.9
