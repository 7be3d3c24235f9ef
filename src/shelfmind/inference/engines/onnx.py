"""The ONNX Runtime engine for exported files."""

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

MIN_IMAGES_PER_CORE = 4
"""Minimum number of images per core. With fewer, threads share the work of each operator instead."""


class OnnxEngine(FileEngine):
    """An exported network in ONNX Runtime, on the cores that this process may use.

    Many images are split among the cores, each of which computes its part alone. Sharing each operator among cores
    gains little for grouped integer convolutions (`se_resnext50`: 138 images/s on one core, 154 on two), and is up to a
    tenth slower elsewhere (`benchmarks/engines.py`).
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
        """The session for all cores, created on first use. Callers with one thread per core never need it."""
        return onnx_runtime().InferenceSession(self.exported.content, self.options, providers=["CPUExecutionProvider"])

    @cached_property
    def of_one_core(self) -> OnnxEngine:
        """The same engine without its own threads: each call is computed by the calling thread."""
        engine = OnnxEngine(self.exported, MIN_IMAGES_PER_CORE, threads=1)
        assert engine.session is not None  # created here, before threads use it concurrently
        return engine

    def parallel(self, batch_size: int) -> OnnxEngine:
        """Return a session without its own threads: each call is computed by the calling thread."""
        return self.of_one_core

    def __call__(self, images: Batch) -> tuple[Floats, Floats]:
        """Return probabilities (N, C) and embeddings (N, D)."""
        if self.threads > 1 and len(images) >= MIN_IMAGES_PER_CORE * self.threads:
            parts = map_ahead(self.of_one_core, np.array_split(images, self.threads), self.threads, self.threads)
            probabilities, embeddings = (np.concatenate(each) for each in zip(*parts, strict=True))
            return probabilities, embeddings
        probabilities, embeddings = self.session.run([PROBABILITIES, EMBEDDINGS], {IMAGES: images})
        return probabilities, embeddings
