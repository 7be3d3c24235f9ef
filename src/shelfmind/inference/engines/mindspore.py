"""The MindSpore engine: the run's own network, as trained."""

from __future__ import annotations

from collections.abc import Callable

import mindspore
import numpy as np
from mindspore import Tensor, ops

from shelfmind.arrays import Floats
from shelfmind.errors import UserError
from shelfmind.images.preparation import Normalisation
from shelfmind.inference.engines import MINDSPORE, Batch, Engine
from shelfmind.inference.graph_sizes import GraphSizes
from shelfmind.kernels.choice import AUTO, ONEDNN, choose, kernels_of
from shelfmind.kernels.stock import STOCK, Kernels
from shelfmind.machine.cores import available_cores
from shelfmind.machine.device import interruptible
from shelfmind.models import create_model
from shelfmind.models.checkpoint import checksum, fill_parameters, load_checkpoint
from shelfmind.models.mindcv_models import PREFIX
from shelfmind.models.network import Network, Trainable, eagerly
from shelfmind.recipe import Recipe, model_kind
from shelfmind.runs.folder import RunFolder


class MindSporeEngine:
    """A network with the recipe's normalisation of its input.

    A graph is compiled for one batch size, see `GraphSizes`. `remake` builds the network from MindSpore's own operators
    if `model` has others.
    """

    def __init__(
        self, model: Network, recipe: Recipe, few: int | None = None, remake: Callable[[], Network] | None = None
    ) -> None:
        self.model = model
        self.remake = remake
        self.batch_size = recipe.evaluation.batch_size
        self.graphs = GraphSizes(self.batch_size, few)
        self.normalised = Normalisation(recipe.data)
        self.run = _compiled(model)

    @property
    def name(self) -> str:
        """``mindspore``, or ``mindspore onednn`` with oneDNN's kernels."""
        return MINDSPORE if self.remake is None else f"{MINDSPORE} onednn"

    @property
    def version(self) -> str:
        """The version of MindSpore."""
        return str(mindspore.__version__)

    @property
    def identity(self) -> str:
        """Name and version."""
        return f"{self.name} {self.version}"

    @property
    def sizes(self) -> tuple[int, ...]:
        """The batch sizes that may have a graph."""
        return self.graphs.sizes

    def parallel(self, batch_size: int) -> None:
        """Return None: a graph runs alone, on all cores."""

    @property
    def width(self) -> int:
        """D."""
        return int(self.model.embedding_width)

    def __call__(self, images: Batch) -> tuple[Floats, Floats]:
        """Return probabilities (N, C) and embeddings (N, D) of up to `batch_size` images."""
        with interruptible():
            probabilities, embeddings = self.graphs.answers(images, self._compute)
            return probabilities, embeddings

    def _compute(self, images: Batch) -> tuple[Floats, Floats]:
        probabilities, embeddings = self.run(Tensor(self.normalised(images)))
        return probabilities.asnumpy(), embeddings.asnumpy()

    def logits(self, embeddings: Floats) -> Floats | None:
        """Return the logits of embeddings, or None for a network without shelfmind's head."""
        head = getattr(self.model, "head", None)
        if head is None:
            return None
        with eagerly():
            return np.asarray(head.classifier(Tensor(embeddings)).asnumpy(), np.float32)


def engine_of(run: RunFolder, recipe: Recipe, classes: int, few: int | None) -> tuple[MindSporeEngine, str]:
    """Return the network of a run with its weights, and their checksum."""
    run.require_weights()
    checkpoint = load_checkpoint(run.weights, model_kind(recipe, classes))

    def made(kernels: Kernels) -> Network:
        model = create_model(recipe.model.name, classes, kernels=kernels, **recipe.model.arguments)
        fill_parameters({p.name: p for p in model.get_parameters()}, checkpoint.arrays, run.weights)
        kernels.fix(model)
        return model

    kernels = _kernels(recipe)
    engine = MindSporeEngine(made(kernels), recipe, few, None if kernels is STOCK else lambda: made(STOCK))
    return engine, checksum(checkpoint.arrays, checkpoint.kind, checkpoint.note)


def _kernels(recipe: Recipe) -> Kernels:
    """Return the kernels that training with this recipe would use here, but in float32."""
    own = not recipe.model.name.startswith(PREFIX)
    wanted = recipe.train.kernels if recipe.train.kernels != ONEDNN else AUTO  # fall back if they are missing
    cores = available_cores()
    return kernels_of(choose(wanted, "off", mindspore.get_context("device_target"), cores, own), cores)


def network_of(engine: Engine) -> Network:
    """Return the network built from MindSpore's own operators. Raises `UserError` for another engine."""
    if not isinstance(engine, MindSporeEngine):
        raise UserError(f"the network's gradients are needed, which {engine.name} does not provide; use the run itself")
    return engine.model if engine.remake is None else engine.remake()


def _compiled(model: Trainable) -> Callable[[Tensor], tuple[Tensor, Tensor]]:
    model.set_train(False)

    @mindspore.jit
    def run(images: Tensor) -> tuple[Tensor, Tensor]:
        logits, embedding = model(images)
        return ops.softmax(logits.float(), 1), embedding.float()

    return run
