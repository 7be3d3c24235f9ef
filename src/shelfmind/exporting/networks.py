"""Export of a run's network to each format."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import mindspore
import numpy as np
from mindspore import Tensor, nn, ops

from shelfmind.errors import UserError
from shelfmind.exporting.onnx_graph import onnx_graph
from shelfmind.exporting.quantisation import quantised
from shelfmind.images.preparation import Normalisation
from shelfmind.inference.carriers import archived
from shelfmind.inference.engines import Batch
from shelfmind.models.network import Network

if TYPE_CHECKING:
    from onnx import ModelProto


@dataclass(frozen=True)
class Source:
    """The input of an export.

    Attributes:
        model: the MindSpore network.
        normalisation: the normalisation of its input.
        size: side of the input squares in pixels.
        batch_size: number of images per batch.
        precision: a key of `machine.instructions.PRECISIONS`.
        calibration: returns training images (N, S, S, 3) to calibrate integer ranges; only called for int8.
    """

    model: Network
    normalisation: Normalisation
    size: int
    batch_size: int
    precision: str
    calibration: Callable[[], Batch]


class _FromSquares(nn.Cell):
    """Maps 8-bit squares (N, S, S, 3) to probabilities and embeddings."""

    def __init__(self, model: Network, normalisation: Normalisation) -> None:
        super().__init__()
        self.model = model
        self.mean, self.std = (
            Tensor(each.astype(np.float32).reshape(1, 3, 1, 1)) for each in (normalisation.mean, normalisation.std)
        )

    def construct(self, images: Tensor) -> tuple[Tensor, Tensor]:
        planes = ops.transpose(ops.cast(images, mindspore.float32), (0, 3, 1, 2))
        logits, embeddings = self.model((planes - self.mean) / self.std)
        return ops.softmax(logits, 1), embeddings


def as_onnx(source: Source) -> bytes:
    """Return an ONNX model."""
    return bytes(_graph(source).SerializeToString())


def as_mindir(source: Source) -> bytes:
    """Return a MindIR file, which has a fixed image size."""
    network = _FromSquares(source.model, source.normalisation)
    network.set_train(False)
    shape = (source.batch_size, source.size, source.size, 3)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "network"
        mindspore.export(network, Tensor(np.zeros(shape, np.uint8)), file_name=str(file), file_format="MINDIR")
        return file.with_suffix(".mindir").read_bytes()


def as_openvino(source: Source) -> bytes:
    """Return OpenVINO's two files, graph and weights, in one archive. For bf16, weights have half the size."""
    try:
        import openvino
    except ImportError as error:
        raise UserError("the format openvino needs OpenVINO; run: pip install 'shelfmind[openvino]'") from error
    model = openvino.Core().read_model(as_onnx(source))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "network.xml"
        openvino.save_model(model, file, compress_to_fp16=source.precision == "bf16")
        return archived({each.name: each.read_bytes() for each in (file, file.with_suffix(".bin"))})


WRITERS: dict[str, Callable[[Source], bytes]] = {"onnx": as_onnx, "mindir": as_mindir, "openvino": as_openvino}
"""Exporters by format. To add a format, add a function here, its carrier to `CARRIERS` and its readers to `ENGINES`."""

BY_ONNX = ("onnx", "openvino")
"""The formats that are made from an ONNX graph."""


def _graph(source: Source) -> ModelProto:
    graph = onnx_graph(source.model, source.normalisation, source.size)
    return quantised(graph, source.calibration()) if source.precision == "int8" else graph
