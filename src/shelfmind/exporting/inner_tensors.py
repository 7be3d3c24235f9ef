"""Compute inner tensors of an ONNX graph."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from shelfmind.arrays import Floats
from shelfmind.inference.engines import IMAGES, Batch
from shelfmind.machine.onnx_runtime import onnx_runtime

if TYPE_CHECKING:
    from onnx import ModelProto

BATCH = 4
"""Batch size. All tensors of a large network take 100 MB per image of 224 pixels."""


def inner_tensors(model: ModelProto, tensors: Sequence[str], images: Batch) -> Iterator[dict[str, Floats]]:
    """Yield these tensors (n, ...) by name for each batch of the images (N, S, S, 3)."""
    import onnx

    seen = onnx.ModelProto()
    seen.CopyFrom(model)
    outputs = {value.name for value in seen.graph.output}
    seen.graph.output.extend(onnx.ValueInfoProto(name=name) for name in tensors if name not in outputs)
    session = onnx_runtime().InferenceSession(seen.SerializeToString(), providers=["CPUExecutionProvider"])
    for at in range(0, len(images), BATCH):
        yield dict(zip(tensors, session.run(list(tensors), {IMAGES: images[at : at + BATCH]}), strict=True))
