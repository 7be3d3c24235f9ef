"""A network in 8-bit integers: static quantisation, calibrated on images that the run was trained on.

Weights have a scale a channel, activations a scale a tensor, as ``QuantizeLinear`` and ``DequantizeLinear`` around each
operator (Jacob et al., "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference",
CVPR 2018), which ONNX Runtime and OpenVINO fuse. Batch normalisation is folded first.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shelfmind.inference.engines import IMAGES, Batch

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto

BATCH = 16
REDUCTIONS = ("ReduceMean", "ReduceMax", "GlobalAveragePool", "GlobalMaxPool")


def quantised(model: ModelProto, images: Batch) -> ModelProto:
    """The model in 8 bits, with scales by the range that these images give, (N, S, S, 3).

    Gates and the head stay as they are: they have a thousandth of the work, and rounding them is most of the error
    (`docs/adr/0015-exported-files.md`). Activations are unsigned, weights signed, which is ONNX Runtime's quick way.
    """
    import onnx
    from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    with tempfile.TemporaryDirectory() as folder, _quietly():
        plain, folded, made = (Path(folder) / f"{name}.onnx" for name in ("plain", "folded", "made"))
        onnx.save(model, plain)  # what is given a model puts its weights elsewhere
        quant_pre_process(plain, folded, skip_symbolic_shape=True)
        quantize_static(
            folded,
            made,
            _calibration(images),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.MinMax,
            nodes_to_exclude=of_whole_maps(onnx.load(folded).graph),
        )
        return onnx.load(made)


def of_whole_maps(graph: GraphProto) -> list[str]:
    """The nodes that compute with nothing but means and greatest values of feature maps: gates, and the head."""
    means: set[str] = set()
    constant = {each.name for each in graph.initializer}
    names = []
    for node in graph.node:
        inputs = [each for each in node.input if each and each not in constant]
        if node.op_type in REDUCTIONS or (inputs and all(each in means for each in inputs)):
            means.update(node.output)
            names.append(node.name)
    return names


def _calibration(images: Batch) -> Any:
    from onnxruntime.quantization import CalibrationDataReader

    class Calibration(CalibrationDataReader):  # type: ignore[misc]
        """Images in batches."""

        def __init__(self) -> None:
            self.left: Iterator[Batch] = (images[at : at + BATCH] for at in range(0, len(images), BATCH))

        def get_next(self) -> dict[str, Batch] | None:
            """The next batch, as ONNX Runtime takes it."""
            batch = next(self.left, None)
            return None if batch is None else {IMAGES: batch}

    return Calibration()


@contextmanager
def _quietly() -> Iterator[None]:
    """ONNX Runtime advises on the root logger to do what was done."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
