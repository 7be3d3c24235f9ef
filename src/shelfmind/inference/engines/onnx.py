"""ONNX Runtime as the engine of an exported file."""

from __future__ import annotations

import numpy as np

from shelfmind.arrays import Floats
from shelfmind.errors import UserError
from shelfmind.inference.engines import EMBEDDINGS, IMAGES, PROBABILITIES, Batch
from shelfmind.inference.exported import Exported
from shelfmind.machine.cores import available_cores


class OnnxEngine:
    """An exported network in ONNX Runtime, on the processor's cores that this process may use."""

    def __init__(self, exported: Exported, batch_size: int, few: int | None = None) -> None:
        """Raises `UserError` if ONNX Runtime is not installed."""
        try:
            import onnxruntime
        except ImportError as error:
            raise UserError("the engine onnx needs ONNX Runtime; run: pip install 'shelfmind[onnx]'") from error
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = available_cores()
        options.log_severity_level = 3
        self.exported = exported
        self.session = onnxruntime.InferenceSession(exported.content, options, providers=["CPUExecutionProvider"])

    @property
    def name(self) -> str:
        """Engine and precision."""
        return f"onnx {self.exported.facts['precision']}"

    @property
    def width(self) -> int:
        """D."""
        return int(self.exported.facts["width"])

    def __call__(self, images: Batch) -> tuple[Floats, Floats]:
        """Probabilities (N, C) and embeddings (N, D)."""
        probabilities, embeddings = self.session.run([PROBABILITIES, EMBEDDINGS], {IMAGES: images})
        return probabilities, embeddings

    def logits(self, embeddings: Floats) -> Floats | None:
        """What the classifier makes of embeddings."""
        classifier = self.exported.classifier
        return None if classifier is None else np.asarray(classifier(embeddings), np.float32)
