"""Export a MindSpore network as an ONNX graph from 8-bit squares to probabilities and embeddings.

MindSpore writes ONNX with operator set 11 and fixed shapes. It cannot write poolings that are padded on both sides:
they are written with ``same`` padding, which is corrected afterwards. Convolutions are written with a wrong order of
paddings, which is corrected, too. Batch size and image size are made dynamic, and the conversion of 8-bit squares to
the network's input is prepended.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import mindspore
import numpy as np
from mindspore import Tensor, nn, ops

from shelfmind.errors import UserError
from shelfmind.images.preparation import Normalisation
from shelfmind.inference.engines import EMBEDDINGS, IMAGES, PROBABILITIES
from shelfmind.machine.packages import require
from shelfmind.models.network import Network

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto

OPERATOR_SET = 17
Kind = tuple[str, int]
"""A pooling in ONNX: its operator and kernel size."""


class _Outputs(nn.Cell):
    """Maps images to probabilities and embeddings, as a predictor needs them."""

    def __init__(self, model: Network) -> None:
        super().__init__()
        self.model = model

    def construct(self, prepared: Tensor) -> tuple[Tensor, Tensor]:
        logits, embeddings = self.model(prepared)
        return ops.softmax(logits, 1), embeddings


def onnx_graph(model: Network, normalisation: Normalisation, size: int) -> ModelProto:
    """Return the graph of a network for squares of `size` pixels; other sizes are supported, too.

    Raises:
        UserError: MindSpore cannot export the network, or the package onnx is not installed.
    """
    require("onnx")
    import onnx
    from onnx import version_converter

    with tempfile.TemporaryDirectory() as folder, _symmetric_pools_as_same(model) as padded:
        network = _Outputs(model)
        network.set_train(False)
        file = Path(folder) / "network"
        try:
            mindspore.export(
                network, Tensor(np.zeros((2, 3, size, size), np.float32)), file_name=str(file), file_format="ONNX"
            )
        except (RuntimeError, TypeError, ValueError) as error:
            reason = str(error).strip().partition("\n")[0]
            raise UserError(f"MindSpore cannot export this network to ONNX: {reason}") from error
        written = onnx.load(f"{file}.onnx")
    graph = written.graph
    _fix_padding(graph, padded)
    _with_free_shapes(graph)
    upgraded = version_converter.convert_version(written, OPERATOR_SET)
    _from_squares(upgraded.graph, normalisation)
    onnx.checker.check_model(upgraded)
    return upgraded


@contextmanager
def _symmetric_pools_as_same(model: Network) -> Iterator[set[Kind]]:
    """Temporarily replace poolings that MindSpore cannot write with those that it can.

    Yields the kinds of nodes that must be padded on both sides instead.
    """
    replaced: list[tuple[nn.Cell, str, nn.Cell]] = []
    kinds: set[Kind] = set()
    same: set[Kind] = set()
    for _, cell in list(model.cells_and_names()):
        for name, part in list(cell._cells.items()):
            if not isinstance(part, nn.MaxPool2d | nn.AvgPool2d):
                continue
            kind = ("MaxPool" if isinstance(part, nn.MaxPool2d) else "AveragePool", int(part.kernel_size))
            if str(part.pad_mode).lower() == "pad":
                kinds.add(kind)
                replaced.append((cell, name, part))
                _put(cell, name, type(part)(part.kernel_size, part.stride, pad_mode="same"))
            elif str(part.pad_mode).lower() == "same":
                same.add(kind)
    try:
        if kinds & same:
            raise UserError(f"this network has poolings of the same size with different padding: {min(kinds & same)}")
        yield kinds
    finally:
        for cell, name, part in replaced:
            _put(cell, name, part)


def _put(cell: nn.Cell, name: str, part: nn.Cell) -> None:
    cell._cells[name] = part
    if isinstance(cell, nn.SequentialCell):
        cell.cell_list = list(cell._cells.values())


def _fix_padding(graph: GraphProto, kinds: set[Kind]) -> None:
    """Pad these poolings by half their size on every side, which gives as many outputs as ``same``, and reorder the
    paddings of convolutions from MindSpore's top, bottom, left, right to top, left, bottom, right."""
    from onnx import helper

    for node in graph.node:
        attributes = {each.name: each for each in node.attribute}
        if node.op_type == "Conv" and "pads" in attributes:
            top, bottom, left, right = attributes["pads"].ints
            attributes["pads"].ints[:] = (top, left, bottom, right)
        elif node.op_type in ("MaxPool", "AveragePool"):
            edge = int(attributes["kernel_shape"].ints[0])
            if (node.op_type, edge) in kinds:
                node.attribute.remove(attributes["auto_pad"])
                node.attribute.append(helper.make_attribute("pads", [edge // 2] * 4))


def _with_free_shapes(graph: GraphProto) -> None:
    """Make batch size and image size dynamic. Shapes in between are inferred."""
    for value in (*graph.input, *graph.output):
        for position, dimension in enumerate(value.type.tensor_type.shape.dim):
            if position != 1:
                dimension.dim_param = ("count", "", "height", "width")[position]
    del graph.value_info[:]


def _from_squares(graph: GraphProto, normalisation: Normalisation) -> None:
    """Prepend the conversion of 8-bit squares (N, S, S, 3) to the network's input, and name inputs and outputs."""
    from onnx import TensorProto, helper, numpy_helper

    own = graph.input[0].name
    steps = [  # transpose to channels first while they are bytes, which is faster
        helper.make_node("Transpose", [IMAGES], ["squares.planes"], perm=[0, 3, 1, 2]),
        helper.make_node("Cast", ["squares.planes"], ["squares.float"], to=TensorProto.FLOAT),
        helper.make_node("Sub", ["squares.float", "squares.mean"], ["squares.centred"]),
        helper.make_node("Div", ["squares.centred", "squares.std"], [own]),
    ]
    nodes = [*steps, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    for name, values in (("squares.mean", normalisation.mean), ("squares.std", normalisation.std)):
        graph.initializer.append(numpy_helper.from_array(values.astype(np.float32).reshape(1, 3, 1, 1), name))
    del graph.input[:]
    graph.input.append(helper.make_tensor_value_info(IMAGES, TensorProto.UINT8, ["count", "size", "size", 3]))
    widths = [value.type.tensor_type.shape.dim[1].dim_value for value in graph.output]
    made = [value.name for value in graph.output]
    del graph.output[:]
    for name, made_name, width in zip((PROBABILITIES, EMBEDDINGS), made, widths, strict=True):
        graph.node.append(helper.make_node("Identity", [made_name], [name]))
        graph.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, ["count", width]))
