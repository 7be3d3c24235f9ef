"""OpenVINO as the engine of an exported file."""

from __future__ import annotations

from typing import Any

import numpy as np

from shelfmind.arrays import Floats
from shelfmind.errors import UserError
from shelfmind.inference.engines import EMBEDDINGS, IMAGES, PROBABILITIES, Batch
from shelfmind.inference.engines.of_file import FileEngine
from shelfmind.inference.exported import Exported
from shelfmind.machine.cores import available_cores


class OpenVinoEngine(FileEngine):
    """An exported network in OpenVINO, on the processor's cores that this process may use.

    It is compiled for each shape that it is asked with: fewer images are padded to one, to `few` or to `batch_size`.
    """

    own_name = "openvino"

    def __init__(self, exported: Exported, batch_size: int, few: int | None = None) -> None:
        """Raises `UserError` if OpenVINO is not installed."""
        try:
            import openvino
        except ImportError as error:
            raise UserError("the engine openvino needs OpenVINO; run: pip install 'shelfmind[openvino]'") from error
        super().__init__(exported)
        self.counts = sorted({1, batch_size if few is None else min(few, batch_size), batch_size})
        self.core = openvino.Core()
        self.settings = {"INFERENCE_NUM_THREADS": available_cores(), "INFERENCE_PRECISION_HINT": "f32"}
        self.compiled: dict[tuple[int, int], Any] = {}

    def __call__(self, images: Batch) -> tuple[Floats, Floats]:
        """Probabilities (N, C) and embeddings (N, D) of up to `batch_size` images."""
        count, size = images.shape[:2]
        padded = next(each for each in self.counts if each >= count)
        found = self._compiled(padded, size)(np.concatenate([images, np.repeat(images[-1:], padded - count, axis=0)]))
        return np.array(found[PROBABILITIES][:count]), np.array(found[EMBEDDINGS][:count])

    def _compiled(self, count: int, size: int) -> Any:
        if (count, size) not in self.compiled:
            model = self.core.read_model(self.exported.content)
            model.reshape({IMAGES: [count, size, size, 3]})
            self.compiled[count, size] = self.core.compile_model(model, "CPU", self.settings)
        return self.compiled[count, size]
