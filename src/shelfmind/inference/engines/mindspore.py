"""MindSpore as the engine: the run's own network, as it was trained."""

from __future__ import annotations

from collections.abc import Callable

import mindspore
import numpy as np
from mindspore import Tensor, ops

from shelfmind.arrays import Floats
from shelfmind.errors import UserError
from shelfmind.images.preparation import Normalisation
from shelfmind.inference.engines import Batch, Engine
from shelfmind.machine.device import interruptible
from shelfmind.models import create_model
from shelfmind.models.checkpoint import checksum, fill_parameters, load_checkpoint
from shelfmind.models.network import Network, Trainable, eagerly
from shelfmind.recipe import Recipe, model_kind
from shelfmind.runs.folder import RunFolder


class MindSporeEngine:
    """A network and the recipe's normalisation of its input.

    A graph is compiled for one shape: few images are padded to a whole batch, or to `few` where that is given, whose
    graph is compiled besides.
    """

    name = "mindspore"

    def __init__(self, model: Network, recipe: Recipe, few: int | None = None) -> None:
        self.model = model
        self.batch_size = recipe.evaluation.batch_size
        self.few = self.batch_size if few is None else min(few, self.batch_size)
        self.normalised = Normalisation(recipe.data)
        self.run = _compiled(model)

    @property
    def version(self) -> str:
        """Of MindSpore."""
        return str(mindspore.__version__)

    def parallel(self, batch_size: int) -> None:
        """None: a graph runs alone, on all cores."""

    @property
    def width(self) -> int:
        """D."""
        return int(self.model.embedding_width)

    def __call__(self, images: Batch) -> tuple[Floats, Floats]:
        """Probabilities (N, C) and embeddings (N, D) of up to `batch_size` images."""
        count = len(images)
        prepared = self.normalised(images)
        padding = np.repeat(prepared[-1:], (self.few if count <= self.few else self.batch_size) - count, axis=0)
        with interruptible():
            probabilities, embeddings = self.run(Tensor(np.concatenate([prepared, padding])))
            return probabilities.asnumpy()[:count], embeddings.asnumpy()[:count]

    def logits(self, embeddings: Floats) -> Floats | None:
        """What the head makes of embeddings; None for a network without a head of ours."""
        head = getattr(self.model, "head", None)
        if head is None:
            return None
        with eagerly():
            return np.asarray(head.classifier(Tensor(embeddings)).asnumpy(), np.float32)


def engine_of(run: RunFolder, recipe: Recipe, classes: int, few: int | None) -> tuple[MindSporeEngine, str]:
    """The network of a run with its weights, and their checksum."""
    checkpoint = load_checkpoint(run.weights, model_kind(recipe, classes))
    model = create_model(recipe.model.name, classes, **recipe.model.arguments)
    fill_parameters({p.name: p for p in model.get_parameters()}, checkpoint.arrays, run.weights)
    return MindSporeEngine(model, recipe, few), checksum(checkpoint.arrays, checkpoint.kind, checkpoint.note)


def network_of(engine: Engine) -> Network:
    """MindSpore's own network. Raises `UserError` for another engine."""
    if not isinstance(engine, MindSporeEngine):
        raise UserError(f"the gradients of a network are needed, which {engine.name} does not give; use the run itself")
    return engine.model


def _compiled(model: Trainable) -> Callable[[Tensor], tuple[Tensor, Tensor]]:
    model.set_train(False)

    @mindspore.jit
    def run(images: Tensor) -> tuple[Tensor, Tensor]:
        logits, embedding = model(images)
        return ops.softmax(logits.float(), 1), embedding.float()

    return run
