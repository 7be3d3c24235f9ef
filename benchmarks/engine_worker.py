"""A worker of `engines.py`: shelfmind's engines, used as its commands use them. Arguments: network folder, squares."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
from timed_calls import Call, serve_calls

from shelfmind.inference.predictor import file_predictor, load
from shelfmind.kernels.choice import VARIABLE


class Variant(NamedTuple):
    """A file of the network and the engine that runs it; kernels are MindSpore's."""

    file: str
    engine: str
    kernels: str = ""


VARIANTS = {
    "mindspore": Variant("", "mindspore", "mindspore"),
    "mindspore onednn": Variant("", "mindspore", "onednn"),
    "mindir": Variant("network.mindir", "mindir"),
    "onnx": Variant("network.onnx", "onnx"),
    "onnx int8": Variant("network.int8.onnx", "onnx"),
    "openvino": Variant("network.openvino", "openvino"),
    "openvino bf16": Variant("network.bf16.openvino", "openvino"),
    "openvino int8": Variant("network.int8.openvino", "openvino"),
}


def main() -> None:
    """Serve until the coordinator closes the pipe."""
    run = Path(sys.argv[1])
    with np.load(sys.argv[2]) as archive:
        images = archive["images"]

    def make(variant: str, batch: int) -> Call:
        file, engine, kernels = VARIANTS[variant]
        if kernels:
            os.environ[VARIABLE] = kernels
        if file:
            return file_predictor(run / file, (), engine, few=batch).engine
        return load(run, (), engine, batch).engine

    serve_calls(make, images, {"cores": len(os.sched_getaffinity(0))})


if __name__ == "__main__":
    main()
