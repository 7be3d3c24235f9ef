"""ONNX Runtime as the engine of an exported file."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from shelfmind.arrays import Floats
from shelfmind.inference.engines import EMBEDDINGS, IMAGES, PROBABILITIES, Batch
from shelfmind.inference.engines.of_file import FileEngine
from shelfmind.inference.exported import Exported
from shelfmind.machine.ahead import map_ahead
from shelfmind.machine.cores import available_cores
from shelfmind.machine.onnx_runtime import onnx_runtime

LEAST_PART = 4
"""Images for a core: more threads than that allows share the work of each operator."""


class OnnxEngine(FileEngine):
    """An exported network in ONNX Runtime, on the processor's cores that this process may use.

    Many images are parted among the cores, each of which computes its part alone. Together they gain little where
    convolutions of integers are grouped (`se_resnext50`: 138 images/s by one core, 154 by two), and elsewhere they are
    up to a tenth slower (`benchmarks/engines.py`).
    """

    own_name, package = "onnx", "onnxruntime"

    def __init__(self, exported: Exported, batch_size: int, few: int | None = None, threads: int | None = None) -> None:
        self.options = onnx_runtime().SessionOptions()
        self.threads = available_cores() if threads is None else threads
        self.options.intra_op_num_threads = self.threads
        self.options.log_severity_level = 3
        super().__init__(exported)

    @cached_property
    def session(self) -> Any:
        """Made when it is first needed: whoever asks by a thread a core never needs the one for all cores."""
        return onnx_runtime().InferenceSession(self.exported.content, self.options, providers=["CPUExecutionProvider"])

    @cached_property
    def of_one_core(self) -> OnnxEngine:
        """The same without threads of its own: each call is computed by its caller."""
        engine = OnnxEngine(self.exported, LEAST_PART, threads=1)
        assert engine.session is not None  # here, before threads ask for it at once
        return engine

    def parallel(self, batch_size: int) -> OnnxEngine:
        """A session without threads of its own: each call is computed by its caller."""
        return self.of_one_core

    def __call__(self, images: Batch) -> tuple[Floats, Floats]:
        """Probabilities (N, C) and embeddings (N, D)."""
        if self.threads > 1 and len(images) >= LEAST_PART * self.threads:
            parts = map_ahead(self.of_one_core, np.array_split(images, self.threads), self.threads, self.threads)
            probabilities, embeddings = (np.concatenate(each) for each in zip(*parts, strict=True))
            return probabilities, embeddings
        probabilities, embeddings = self.session.run([PROBABILITIES, EMBEDDINGS], {IMAGES: images})
        return probabilities, embeddings
