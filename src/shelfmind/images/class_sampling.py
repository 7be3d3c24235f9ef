"""A sample of the classes for each training step, so that its cost does not grow with their number."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from shelfmind.arrays import Floats, Ints
from shelfmind.images.loader import TrainingBatches
from shelfmind.images.squares import Squares
from shelfmind.recipe import Recipe
from shelfmind.transforms.mixing import one_hot

_STREAM = 10**6
"""Separates the generators of samples from those of augmentation, which have the same seed."""


def sample_classes(positive: Ints, classes: int, number: int, generator: np.random.Generator) -> Ints:
    """All `positive` classes and a uniform sample of the others without replacement, `number` in total; both ascending.

    An et al., "Killing Two Birds with One Stone: Efficient and Robust Training of Face Recognition CNNs by Partial FC",
    CVPR 2022, section 3.2.
    """
    ranks = generator.choice(classes - len(positive), number - len(positive), replace=False, shuffle=False)
    passed = np.searchsorted(positive - np.arange(len(positive)), ranks, side="right")  # positives before each one
    return np.sort(np.concatenate([positive, ranks + passed]))


class SampledBatches(TrainingBatches):
    """Training batches whose targets, (B, N), cover a sample of the classes.

    The sample depends on seed, epoch and step, and contains the classes of the batch of all processes, so that they
    train the same rows.
    """

    def __init__(
        self,
        squares: Squares,
        labels: npt.NDArray[np.int64],
        classes: int,
        recipe: Recipe,
        seed: int,
        number: int,
    ) -> None:
        super().__init__(squares, labels, classes, recipe, seed)
        self.number = number
        self._sampled: tuple[tuple[int, int], Ints] | None = None

    def sample(self, epoch: int, step: int) -> Ints:
        """The classes of a step of an epoch, ascending, (N,)."""
        if self._sampled is None or self._sampled[0] != (epoch, step):  # both targets and update ask for it
            self._sampled = (epoch, step), self._drawn(epoch, step)
        return self._sampled[1]

    def _drawn(self, epoch: int, step: int) -> Ints:
        images = self.order(epoch)[step * self.batch_size : (step + 1) * self.batch_size]
        generator = np.random.default_rng((self.seed, epoch, step, _STREAM))
        return sample_classes(np.unique(self.labels[images]), self.classes, self.number, generator)

    def targets(self, labels: npt.NDArray[np.int64], epoch: int, step: int) -> Floats:
        return one_hot(np.searchsorted(self.sample(epoch, step), labels), self.number)

    def example(self, image_size: int) -> tuple[Floats, Floats]:
        images = np.zeros((self.own_batch_size, 3, image_size, image_size), np.float32)
        return images, np.full((self.own_batch_size, self.number), 1 / self.number, np.float32)
