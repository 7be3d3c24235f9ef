"""Forward passes: squares in, probabilities and embeddings out, averaged over test-time views."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

import mindspore
import numpy as np
from mindspore import Tensor, ops

from shelfmind.arrays import Floats
from shelfmind.batching import batched
from shelfmind.images.preparation import InputPreparation
from shelfmind.images.squares import Square
from shelfmind.inference.views import View, apply_view, test_time_views
from shelfmind.machine.ahead import next_ahead
from shelfmind.machine.device import interruptible
from shelfmind.models.network import Trainable
from shelfmind.recipe import Recipe


class Forward:
    """A network in evaluation mode with the recipe's preparation of its input.

    A graph is compiled for one shape: few images are padded to a whole batch, or to `few` where that is given, whose
    graph is compiled besides.
    """

    def __init__(self, model: Trainable, recipe: Recipe, tta: Sequence[str] = (), few: int | None = None) -> None:
        self.views = test_time_views(tta)
        self.batch_size = recipe.evaluation.batch_size
        self.few = self.batch_size if few is None else min(few, self.batch_size)
        self.preparation = InputPreparation(recipe.data)
        self.run = _compiled(model)

    def batch(self, squares: Sequence[Square], size: int) -> tuple[Floats, Floats]:
        """Probabilities (N, C) and embeddings (N, D) of up to `batch_size` squares, averaged over the views.

        A batch that is not full is padded to the compiled shape and cut again, so that every image counts.
        """
        count = len(squares)
        shape = self.few if count <= self.few else self.batch_size
        prepared: dict[View, Floats] = {}
        probabilities: list[Floats] = []
        embeddings: list[Floats] = []
        for view in self.views:
            upright = replace(view, flip=False)
            if upright not in prepared:
                pixels = max(16, round(size * view.scale))
                images = self.preparation.batch([apply_view(image, view) for image in squares], pixels)
                padding = np.repeat(images[-1:], shape - count, axis=0)
                prepared[upright] = np.concatenate([images, padding])
            images = np.ascontiguousarray(prepared[upright][..., ::-1]) if view.flip else prepared[upright]
            with interruptible():
                probability, embedding = self.run(Tensor(images))
                probabilities.append(probability.asnumpy()[:count])
                embeddings.append(embedding.asnumpy()[:count])
        return np.mean(probabilities, axis=0), np.mean(embeddings, axis=0)

    def batches(self, squares: Iterable[Square], size: int) -> Iterator[tuple[Floats, Floats]]:
        """`batch` over any number of squares, in order, in constant memory; the next batch is read meanwhile."""
        for group in next_ahead(batched(squares, self.batch_size)):
            yield self.batch(group, size)


def _compiled(model: Trainable) -> Callable[[Tensor], tuple[Tensor, Tensor]]:
    model.set_train(False)

    @mindspore.jit
    def run(images: Tensor) -> tuple[Tensor, Tensor]:
        logits, embedding = model(images)
        return ops.softmax(logits.float(), 1), embedding.float()

    return run
