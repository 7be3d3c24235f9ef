"""A sample of the classes for each training step, so that its cost does not grow with their number."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shelfmind.arrays import Floats, Ints
from shelfmind.images.loader import TrainingBatches
from shelfmind.images.squares import Squares
from shelfmind.recipe import Recipe
from shelfmind.transforms.mixing import one_hot

_STREAM = 10**6
"""Separates the generators of samples from those of augmentation, which have the same seed."""


@dataclass(frozen=True)
class ClassSample:
    """The classes of a step.

    Attributes:
        classes: class ids in ascending order, shape (N,).
        correction: the negative logarithm of each class's probability of being in the sample, shape (N,). Added to the
            logits, it makes the sum over the sample an unbiased estimate of the sum over all classes.
    """

    classes: Ints
    correction: Floats

    def columns(self, labels: Ints) -> Ints:
        """The positions of these class ids in the sample."""
        return np.searchsorted(self.classes, labels)


def sample_classes(positive: Ints, classes: int, number: int, generator: np.random.Generator) -> ClassSample:
    """All `positive` classes, ascending, and a uniform sample of the others without replacement, `number` in total.

    An et al., "Killing Two Birds with One Stone: Efficient and Robust Training of Face Recognition CNNs by Partial FC",
    CVPR 2022, section 3.2.

    The correction (Jean et al., "On Using Very Large Target Vocabulary for Neural Machine Translation", ACL 2015,
    section 3) is 0 for positive classes, which are always in the sample, and log((C - P) / (N - P)) for the others.
    """
    others, drawn = classes - len(positive), number - len(positive)
    ranks = np.sort(generator.choice(others, drawn, replace=False, shuffle=False))
    passed = np.searchsorted(positive - np.arange(len(positive)), ranks, side="right")  # positives before each one
    chosen = np.sort(np.concatenate([positive, ranks + passed]))
    correction = np.full(number, np.log(others / drawn) if drawn else 0.0, np.float32)
    correction[np.searchsorted(chosen, positive)] = 0
    return ClassSample(chosen, correction)


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
        self._latest: tuple[int, Ints] | None = None

    def sample(self, epoch: int, step: int) -> ClassSample:
        """The classes of a step of an epoch."""
        if self._latest is None or self._latest[0] != epoch:
            self._latest = epoch, self.order(epoch)
        images = self._latest[1][step * self.batch_size : (step + 1) * self.batch_size]
        generator = np.random.default_rng((self.seed, epoch, step, _STREAM))
        return sample_classes(np.unique(self.labels[images]), self.classes, self.number, generator)

    def targets(self, labels: npt.NDArray[np.int64], epoch: int, step: int) -> Floats:
        return one_hot(self.sample(epoch, step).columns(labels), self.number)

    def example(self, image_size: int) -> tuple[Floats, Floats]:
        images = np.zeros((self.own_batch_size, 3, image_size, image_size), np.float32)
        return images, np.full((self.own_batch_size, self.number), 1 / self.number, np.float32)
