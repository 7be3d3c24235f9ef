"""Forward passes: squares in, probabilities and embeddings out, averaged over test-time views."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import mindspore
import numpy as np
import numpy.typing as npt
from mindspore import Tensor, nn, ops

from shelfmind.errors import unknown_name
from shelfmind.recipe import Recipe
from shelfmind.runtime.ahead import next_ahead
from shelfmind.runtime.device import keep_interrupts
from shelfmind.runtime.loader import InputPreparation
from shelfmind.runtime.pixels import Square

Floats = npt.NDArray[np.float32]
T = TypeVar("T")


@dataclass(frozen=True)
class View:
    """One way to look at an image: size as a factor of the evaluation size, central share kept, mirrored or not."""

    scale: float = 1.0
    centre: float = 1.0
    flip: bool = False


def _flipped(views: list[View]) -> list[View]:
    return views + [replace(view, flip=True) for view in views]


def _centred(views: list[View]) -> list[View]:
    return views + [replace(view, centre=0.84) for view in views]


def _scaled(views: list[View]) -> list[View]:
    return [replace(view, scale=scale) for scale in (1.0, 0.85, 1.2) for view in views]


VIEWS: dict[str, Callable[[list[View]], list[View]]] = {"flip": _flipped, "centre": _centred, "scale": _scaled}


def test_time_views(names: Sequence[str]) -> list[View]:
    """The plain view and those that `names` (``flip``, ``centre``, ``scale``) multiply it by."""
    views = [View()]
    for name in names:
        if name not in VIEWS:
            raise unknown_name("test-time view", name, VIEWS)
        views = VIEWS[name](views)
    return views


class Forward:
    """A network in evaluation mode with the recipe's preparation of its input."""

    def __init__(self, model: nn.Cell, recipe: Recipe, tta: Sequence[str] = ()) -> None:
        self.views = test_time_views(tta)
        self.batch_size = recipe.evaluation.batch_size
        self.preparation = InputPreparation(recipe)
        self.run = _compiled(model)

    def batch(self, squares: Sequence[Square], size: int) -> tuple[Floats, Floats]:
        """Probabilities (N, C) and embeddings (N, D) of up to `batch_size` squares, averaged over the views.

        A batch that is not full is padded to the compiled shape and cut again, so that every image counts.
        """
        count = len(squares)
        prepared: dict[tuple[int, float], Floats] = {}
        probabilities: list[Floats] = []
        embeddings: list[Floats] = []
        for view in self.views:
            key = (max(16, round(size * view.scale)), view.centre)
            if key not in prepared:
                images = self.preparation.batch([central(image, view.centre) for image in squares], key[0])
                padding = np.repeat(images[-1:], self.batch_size - count, axis=0)
                prepared[key] = np.concatenate([images, padding])
            images = np.ascontiguousarray(prepared[key][..., ::-1]) if view.flip else prepared[key]
            probability, embedding = self.run(Tensor(images))
            keep_interrupts()
            probabilities.append(probability.asnumpy()[:count])
            embeddings.append(embedding.asnumpy()[:count])
        return np.mean(probabilities, axis=0), np.mean(embeddings, axis=0)

    def batches(self, squares: Iterable[Square], size: int) -> Iterator[tuple[Floats, Floats]]:
        """`batch` over any number of squares, in order, in constant memory; the next batch is read meanwhile."""
        for group in next_ahead(_groups(squares, self.batch_size)):
            yield self.batch(group, size)


def central(image: Square, share: float) -> Square:
    """The central part of a square image, `share` of its side."""
    if share == 1.0:
        return image
    side = round(image.shape[0] * share)
    start = (image.shape[0] - side) // 2
    return np.ascontiguousarray(image[start : start + side, start : start + side])


def _compiled(model: nn.Cell) -> Callable[[Tensor], tuple[Tensor, Tensor]]:
    model.set_train(False)

    @mindspore.jit
    def run(images: Tensor) -> tuple[Tensor, Tensor]:
        logits, embedding = model(images)
        return ops.softmax(logits.float(), 1), embedding.float()

    return run


def _groups(items: Iterable[T], count: int) -> Iterator[list[T]]:
    iterator = iter(items)
    while group := list(itertools.islice(iterator, count)):
        yield group
