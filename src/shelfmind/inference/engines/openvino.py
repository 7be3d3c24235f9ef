"""The OpenVINO engine for exported files."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np

from shelfmind.arrays import Floats
from shelfmind.errors import UserError
from shelfmind.inference.carriers import unpacked
from shelfmind.inference.engines import EMBEDDINGS, IMAGES, PROBABILITIES, Batch
from shelfmind.inference.engines.of_file import FileEngine
from shelfmind.inference.exported import Exported
from shelfmind.machine.cores import available_cores
from shelfmind.machine.device import all_instructions

_starting = threading.Lock()


class OpenVinoEngine(FileEngine):
    """An exported network in OpenVINO, on the cores that this process may use.

    It is compiled once per image size, for any batch size. That is up to 7% slower than a fixed batch size (19% if a
    call takes half a millisecond), but padding and recompilation cost many times more (`docs/exporting.md`). With
    several `streams`, this many calls run concurrently, each on its share of the cores.
    """

    own_name, package = "openvino", "openvino"

    def __init__(self, exported: Exported, batch_size: int, few: int | None = None, streams: int = 1) -> None:
        super().__init__(exported)
        with all_instructions():
            self.core = _started().Core()
        # Floating-point parts of an 8-bit network are computed in fp32.
        hint = "bf16" if exported.precision == "bf16" else "f32"
        self.settings = {"INFERENCE_NUM_THREADS": available_cores(), "INFERENCE_PRECISION_HINT": hint}
        self.settings["NUM_STREAMS"] = streams
        self.compiled: dict[int, Any] = {}
        self.compiling, self.of_thread = threading.Lock(), threading.local()

    def parallel(self, batch_size: int) -> OpenVinoEngine:
        """Return an engine that runs one call per core concurrently."""
        return OpenVinoEngine(self.exported, batch_size, streams=available_cores())

    def __call__(self, images: Batch) -> tuple[Floats, Floats]:
        """Return probabilities (N, C) and embeddings (N, D). Raises `UserError` for an unsupported image size."""
        found = self._request(images.shape[1]).infer(images, share_inputs=True)
        return np.array(found[PROBABILITIES]), np.array(found[EMBEDDINGS])

    def _request(self, size: int) -> Any:
        """Return the inference request for this size and the calling thread."""
        own: dict[int, Any] = vars(self.of_thread).setdefault("requests", {})
        if size not in own:
            with self.compiling:
                own[size] = self._compiled(size).create_infer_request()
        return own[size]

    def _compiled(self, size: int) -> Any:
        if size not in self.compiled:
            try:
                model = self._model()
                model.reshape({IMAGES: [-1, size, size, 3]})
                with all_instructions():
                    self.compiled[size] = self.core.compile_model(model, "CPU", self.settings)
            except RuntimeError as error:
                reason = str(error).strip().splitlines()[-1]
                raise UserError(
                    f"OpenVINO cannot run {self.exported.path} on images of {size} pixels: {reason}"
                ) from error
        return self.compiled[size]

    def _model(self) -> Any:
        if self.exported.format == "onnx":
            return self.core.read_model(self.exported.content)
        graph, weights = unpacked(self.exported.content, ("network.xml", "network.bin"))
        return self.core.read_model(graph, weights)


def _started() -> Any:
    """Return the package, after its first use by a single thread.

    The first call builds the bindings' table of types while holding C++'s guard of static variables and Python's lock,
    which it releases in between. Two threads that make their first call at the same time deadlock (2026.4.1).
    """
    with _starting:
        import openvino

        openvino.Type.u8.to_dtype()
        assert openvino.Tensor(np.zeros(1, np.uint8), shared_memory=True).data.size == 1
    return openvino
