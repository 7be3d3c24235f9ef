"""ONNX Runtime as the engine of an exported file."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from shelfmind.arrays import Floats
from shelfmind.inference.engines import EMBEDDINGS, IMAGES, PROBABILITIES, Batch
from shelfmind.inference.engines.of_file import FileEngine
from shelfmind.inference.exported import Exported
from shelfmind.machine.cores import available_cores


class OnnxEngine(FileEngine):
    """An exported network in ONNX Runtime, on the processor's cores that this process may use."""

    own_name, package = "onnx", "onnxruntime"

    def __init__(self, exported: Exported, batch_size: int, few: int | None = None, threads: int | None = None) -> None:
        import onnxruntime

        self.options = onnxruntime.SessionOptions()
        self.options.intra_op_num_threads = available_cores() if threads is None else threads
        self.options.log_severity_level = 3
        super().__init__(exported)

    @cached_property
    def session(self) -> Any:
        """Made when it is first needed: whoever asks by a thread a core never needs the one for all cores."""
        import onnxruntime

        return onnxruntime.InferenceSession(self.exported.content, self.options, providers=["CPUExecutionProvider"])

    def parallel(self, batch_size: int) -> OnnxEngine:
        """A session without threads of its own: each call is computed by its caller."""
        engine = OnnxEngine(self.exported, batch_size, threads=1)
        assert engine.session is not None  # here, before threads ask for it at once
        return engine

    def __call__(self, images: Batch) -> tuple[Floats, Floats]:
        """Probabilities (N, C) and embeddings (N, D)."""
        probabilities, embeddings = self.session.run([PROBABILITIES, EMBEDDINGS], {IMAGES: images})
        return probabilities, embeddings
