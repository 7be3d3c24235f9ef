"""Static 8-bit quantisation, calibrated on the run's training images.

Weights have a scale per channel and activations a scale per tensor, as ``QuantizeLinear`` and ``DequantizeLinear``
around each operator (Jacob et al., "Quantization and Training of Neural Networks for Efficient
Integer-Arithmetic-Only Inference", CVPR 2018), which ONNX Runtime and OpenVINO fuse. Batch normalisation is folded
first.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from shelfmind.exporting.activation_ranges import Range, least_error_ranges
from shelfmind.exporting.weight_rounding import rounded_weights
from shelfmind.inference.engines import IMAGES, Batch
from shelfmind.machine.onnx_runtime import onnx_runtime

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto

BATCH = 16
REDUCTIONS = ("ReduceMean", "ReduceMax", "GlobalAveragePool", "GlobalMaxPool")
ELEMENTWISE = ("Add", "Mul")
IN_FP32 = ("Relu", *ELEMENTWISE)
"""Operators computed in fp32 as separate nodes. A ReLU after an integer convolution is fused into it."""
QUANTISED = ("Conv", "Relu", "MaxPool", "AveragePool", "Concat")


def quantised(model: ModelProto, images: Batch) -> ModelProto:
    """Quantise a model to 8 bits, with scales calibrated on these images (N, S, S, 3).

    Convolutions and poolings are computed in integers. Gates and the head stay in floating point: they are a thousandth
    of the work, and rounding them causes most of the error. So do additions and multiplications of feature maps:
    rounding them costs accuracy, in OpenVINO more than in ONNX Runtime (`docs/adr/0015-exported-files.md`). Activations
    are unsigned and weights signed, which is the fast path of ONNX Runtime.
    """
    folded = _folded(model)
    kept = of_whole_maps(folded.graph)
    elementwise = [node.name for node in folded.graph.node if node.op_type in ELEMENTWISE and node.name not in kept]
    ranges = least_error_ranges(folded, _activations(folded.graph, kept), images)
    made = _with_integers(folded, images[:BATCH], ranges, [*kept, *elementwise])
    _use_unrounded(made.graph)
    _round_weights(made, folded, images)
    return made


def _folded(model: ModelProto) -> ModelProto:
    """Fold batch normalisation, and add the shapes of tensors."""
    onnx_runtime()
    import onnx
    from onnxruntime.quantization.shape_inference import quant_pre_process

    with tempfile.TemporaryDirectory() as folder, _quietly():
        plain, folded = Path(folder) / "plain.onnx", Path(folder) / "folded.onnx"
        onnx.save(model, plain)  # given a model instead of a file, ONNX Runtime would move the weights
        quant_pre_process(plain, folded, skip_symbolic_shape=True)
        return onnx.load(folded)


def _with_integers(model: ModelProto, images: Batch, ranges: dict[str, Range], excluded: list[str]) -> ModelProto:
    """Quantise the model with these ranges, except the excluded nodes. Images are only used for a test run."""
    import onnx
    from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static

    limits = {name: [{"rmin": np.float32(low), "rmax": np.float32(high)}] for name, (low, high) in ranges.items()}
    with tempfile.TemporaryDirectory() as folder, _quietly():
        plain, made = Path(folder) / "plain.onnx", Path(folder) / "made.onnx"
        onnx.save(model, plain)
        quantize_static(
            plain,
            made,
            _calibration(images),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.MinMax,
            nodes_to_exclude=excluded,
            extra_options={"TensorQuantOverrides": limits},
        )
        return onnx.load(made)


def of_whole_maps(graph: GraphProto) -> list[str]:
    """Return the nodes that compute only with means and maxima of feature maps: gates, and the head."""
    means: set[str] = set()
    constant = {each.name for each in graph.initializer}
    names = []
    for node in graph.node:
        inputs = [each for each in node.input if each and each not in constant]
        if node.op_type in REDUCTIONS or (inputs and all(each in means for each in inputs)):
            means.update(node.output)
            names.append(node.name)
    return names


def _activations(graph: GraphProto, kept: list[str]) -> list[str]:
    """Return the tensors to quantise: those around integer operators."""
    constant = {each.name for each in graph.initializer}
    nodes = [node for node in graph.node if node.op_type in QUANTISED and node.name not in kept]
    around = [name for node in nodes for name in (*node.input, *node.output)]
    return [name for name in dict.fromkeys(around) if name and name not in constant]


def _use_unrounded(graph: GraphProto) -> None:
    """Let additions, gates and means use feature maps computed in fp32 before they are rounded."""
    makers = {name: node for node in graph.node for name in node.output}
    for node in graph.node:
        if node.op_type in QUANTISED or node.op_type in ("QuantizeLinear", "DequantizeLinear"):
            continue
        for position, name in enumerate(node.input):
            rounded = makers.get(name)
            if rounded is None or rounded.op_type != "DequantizeLinear" or rounded.input[0] not in makers:
                continue
            computed = makers[rounded.input[0]].input[0]
            if computed in makers and makers[computed].op_type in IN_FP32:
                node.input[position] = computed
    _drop_unused(graph)


def _drop_unused(graph: GraphProto) -> None:
    import onnx

    nodes = [onnx.NodeProto.FromString(node.SerializeToString()) for node in graph.node]
    while True:
        used = {name for node in nodes for name in node.input} | {value.name for value in graph.output}
        left = [node for node in nodes if used.intersection(node.output)]
        if len(left) == len(nodes):
            break
        nodes = left
    del graph.node[:]
    graph.node.extend(nodes)


def _round_weights(made: ModelProto, folded: ModelProto, images: Batch) -> None:
    """Replace weights rounded to nearest by those of `rounded_weights`."""
    from onnx import numpy_helper

    values = {each.name: each for each in made.graph.initializer}
    makers = {name: node for node in made.graph.node for name in node.output}
    weights: dict[str, NodeProto] = {
        node.name: makers[node.input[1]]
        for node in made.graph.node
        if node.op_type == "Conv" and node.input[1] in makers
    }
    scales = {name: numpy_helper.to_array(values[each.input[1]]) for name, each in weights.items()}
    for name, integers in rounded_weights(folded, scales, images):
        position = values[weights[name].input[0]]
        position.CopyFrom(numpy_helper.from_array(integers.astype(np.int8), position.name))


def _calibration(images: Batch) -> Any:
    from onnxruntime.quantization import CalibrationDataReader

    class Calibration(CalibrationDataReader):  # type: ignore[misc]
        """Yields images in batches."""

        def __init__(self) -> None:
            self.left: Iterator[Batch] = (images[at : at + BATCH] for at in range(0, len(images), BATCH))

        def get_next(self) -> dict[str, Batch] | None:
            """Return the next batch for ONNX Runtime."""
            batch = next(self.left, None)
            return None if batch is None else {IMAGES: batch}

    return Calibration()


@contextmanager
def _quietly() -> Iterator[None]:
    """Silence ONNX Runtime's advice on the root logger, which has already been followed."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
