"""The MindSpore engine for exported files in MindIR format."""

from __future__ import annotations

import tempfile
from pathlib import Path

from shelfmind.arrays import Floats
from shelfmind.errors import UserError, argument, call
from shelfmind.inference.engines import Batch
from shelfmind.inference.engines.of_file import FileEngine
from shelfmind.inference.exported import Exported
from shelfmind.inference.graph_sizes import GraphSizes
from shelfmind.machine.device import interruptible, start_mindspore


class MindIrEngine(FileEngine):
    """An exported network in MindSpore, compiled for some batch sizes, see `GraphSizes`."""

    own_name, package = "mindir", "mindspore"

    def __init__(self, exported: Exported, batch_size: int, few: int | None = None) -> None:
        super().__init__(exported)
        mindspore = start_mindspore()
        self.tensor = mindspore.Tensor
        self.size = exported.recipe.evaluation_size
        self.graphs = GraphSizes(batch_size, few)
        with tempfile.TemporaryDirectory() as folder:  # MindSpore only reads files of this name
            file = Path(folder) / "network.mindir"
            file.write_bytes(exported.content)
            self.network = mindspore.nn.GraphCell(mindspore.load(str(file)))

    @property
    def sizes(self) -> tuple[int, ...]:
        """The batch sizes that may have a graph."""
        return self.graphs.sizes

    def __call__(self, images: Batch) -> tuple[Floats, Floats]:
        """Return probabilities (N, C) and embeddings (N, D) of up to `batch_size` images of the file's size.

        Raises:
            UserError: images of another size.
        """
        size = images.shape[1]
        if size != self.size:
            raise UserError(
                f"{self.exported.path} was exported for images of {self.size} pixels, not {size}; leave out views of "
                f"other sizes ({argument('tta', 'none')}), or use an ONNX file, which accepts any: "
                f"{call('export', run='RUN')}"
            )
        with interruptible():
            probabilities, embeddings = self.graphs.answers(images, self._compute)
            return probabilities, embeddings

    def _compute(self, images: Batch) -> tuple[Floats, Floats]:
        probabilities, embeddings = self.network(self.tensor(images))
        return probabilities.asnumpy(), embeddings.asnumpy()
