"""Augmented training batches of network input."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

import mindspore.dataset as ds
import numpy as np
import numpy.typing as npt

from shelfmind.arrays import Floats
from shelfmind.errors import UserError
from shelfmind.images.sampling import batch_order, full_batch, part_of_batches
from shelfmind.images.squares import Square, Squares, in_order
from shelfmind.machine.cores import available_cores
from shelfmind.machine.device import restore_interrupts
from shelfmind.machine.distributed import world
from shelfmind.recipe import Recipe
from shelfmind.transforms.augment import build_augmentations, input_operators
from shelfmind.transforms.mixing import mix_batch, one_hot


class TrainingBatches:
    """The training images in seeded order, augmented by MindSpore's C++ operators, and mixed.

    An epoch here is a whole pass over the images, also where training ends an epoch earlier. The same seed, epoch and
    number of workers (at most the number of cores) give the same batches for the same segment. In a data-parallel job
    each process has an equal part of every batch; together they have the images that one process would have, but each
    augments and mixes its own.
    """

    def __init__(
        self, squares: Squares, labels: npt.NDArray[np.int64], classes: int, recipe: Recipe, seed: int
    ) -> None:
        self.squares = squares
        self.labels = labels
        self.classes = classes
        self.recipe = recipe
        self.seed = seed
        self.world = world()
        self.batch_size = full_batch(recipe.train.batch_size, len(labels), self.world.size)
        self._ordered: tuple[int, npt.NDArray[np.int64]] | None = None

    @property
    def own_batch_size(self) -> int:
        """Images per step of this process."""
        return self.batch_size // self.world.size

    @property
    def steps_per_epoch(self) -> int:
        """Full batches per epoch; the remaining images differ from epoch to epoch."""
        return len(self.labels) // self.batch_size

    def segment(self, epoch: int, start: int, stop: int, image_size: int, mix: bool) -> Iterator[tuple[Floats, Floats]]:
        """Batches `start` to `stop` of an epoch: images (B, 3, image_size, image_size) and targets (B, classes), where
        B is `own_batch_size`."""
        yield from self.augmented(epoch, start, stop, image_size, mix)

    def example(self, image_size: int) -> tuple[Floats, Floats]:
        """A black batch of the right shapes, for speed measurements."""
        images = np.zeros((self.own_batch_size, 3, image_size, image_size), np.float32)
        return images, np.full((self.own_batch_size, self.classes), 1 / self.classes, np.float32)

    def augmented(
        self, epoch: int, start: int, stop: int, image_size: int, mix: bool, view: int = 0
    ) -> Iterator[tuple[Floats, Floats]]:
        """The batches of a segment; another `view` has the same images in the same order, augmented differently."""
        order = self.order(epoch)[start * self.batch_size : stop * self.batch_size]
        order = part_of_batches(order, self.batch_size, self.world.rank, self.world.size)
        own = () if self.world.leads else (self.world.rank,)
        generator = np.random.default_rng((self.seed, epoch, start, 1 + 2 * view, *own))
        ds.config.set_seed(int(generator.integers(2**31)))
        chosen = build_augmentations(self.recipe.augment, image_size, self.recipe.data)
        warp = np.random.default_rng((self.seed, epoch, start, 2 + 2 * view, *own))
        source = _Ordered(self.squares, self.labels, order, [partial(each, generator=warp) for each in chosen.squares])
        dataset: ds.Dataset = ds.GeneratorDataset(source, ["image", "label"], shuffle=False, num_parallel_workers=1)
        operators = [*chosen.operators, *input_operators(self.recipe.data)]
        workers = min(self.recipe.train.workers, available_cores())
        dataset = dataset.map(operators, "image", num_parallel_workers=workers)
        dataset = dataset.batch(self.own_batch_size, drop_remainder=True)
        batches = dataset.create_tuple_iterator(num_epochs=1, output_numpy=True)
        restore_interrupts()
        try:
            for step, (images, labels) in enumerate(batches, start):
                for change in chosen.batches:
                    images = change(images, generator)
                targets = self.targets(labels, epoch, step)
                yield mix_batch(images, targets, self.recipe.mixing, generator) if mix else (images, targets)
        except RuntimeError as error:  # MindSpore wraps errors of the source
            raise source.failure or error from error

    def order(self, epoch: int) -> npt.NDArray[np.int64]:
        """The images of an epoch by position, those of all processes, batch by batch.

        That of the last epoch asked for is kept: an epoch has many segments.
        """
        if self._ordered is None or self._ordered[0] != epoch:
            generator = np.random.default_rng((self.seed, epoch))
            order = batch_order(self.labels, self.classes, self.recipe.train, self.batch_size, generator)
            self._ordered = epoch, order
        return self._ordered[1]

    def targets(self, labels: npt.NDArray[np.int64], epoch: int, step: int) -> Floats:
        """The unmixed targets of a batch with these labels."""
        return one_hot(labels, self.classes)


class _Ordered:
    """Transformed squares and labels in a given order, for MindSpore's `GeneratorDataset`."""

    def __init__(
        self,
        squares: Squares,
        labels: npt.NDArray[np.int64],
        order: npt.NDArray[np.int64],
        changes: Sequence[Callable[[Square], Square]],
    ) -> None:
        self.squares = squares
        self.labels = labels
        self.order = order
        self.changes = changes
        self.failure: UserError | None = None

    def __len__(self) -> int:
        return len(self.order)

    def __iter__(self) -> Iterator[tuple[Square, np.int64]]:
        try:
            for index, image in zip(self.order, in_order(self.squares, self.order.tolist()), strict=True):
                for change in self.changes:
                    image = change(np.asarray(image))
                yield np.ascontiguousarray(image), self.labels[index]
        except UserError as error:
            self.failure = error
            raise
