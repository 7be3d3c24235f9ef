"""ONNX Runtime as the engine of an exported file."""

from __future__ import annotations

from shelfmind.arrays import Floats
from shelfmind.inference.engines import EMBEDDINGS, IMAGES, PROBABILITIES, Batch
from shelfmind.inference.engines.of_file import FileEngine
from shelfmind.inference.exported import Exported
from shelfmind.machine.cores import available_cores


class OnnxEngine(FileEngine):
    """An exported network in ONNX Runtime, on the processor's cores that this process may use."""

    own_name = "onnx"

    def __init__(self, exported: Exported, batch_size: int, few: int | None = None) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = available_cores()
        options.log_severity_level = 3
        super().__init__(exported)
        self.session = onnxruntime.InferenceSession(exported.content, options, providers=["CPUExecutionProvider"])

    def __call__(self, images: Batch) -> tuple[Floats, Floats]:
        """Probabilities (N, C) and embeddings (N, D)."""
        probabilities, embeddings = self.session.run([PROBABILITIES, EMBEDDINGS], {IMAGES: images})
        return probabilities, embeddings
