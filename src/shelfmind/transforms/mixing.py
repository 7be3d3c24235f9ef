"""Mixup and CutMix: mix pairs of images of a batch, and their targets."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from shelfmind.arrays import Floats
from shelfmind.recipe import MixingRecipe


def one_hot(labels: npt.NDArray[np.int64], classes: int) -> Floats:
    """Targets of shape (N, classes) that are 1 at each label."""
    targets = np.zeros((len(labels), classes), np.float32)
    targets[np.arange(len(labels)), labels] = 1
    return targets


def mix_batch(
    images: Floats, targets: Floats, recipe: MixingRecipe, generator: np.random.Generator
) -> tuple[Floats, Floats]:
    """Mix a batch by Mixup, by CutMix or not at all, with the recipe's probabilities.

    Args:
        images: (N, 3, H, W).
        targets: (N, classes).
        recipe: probabilities and beta parameters.
        generator: determines the kind, the partners and the amount.
    """
    choice = generator.random()
    partner = generator.permutation(len(images))
    if choice < recipe.mixup:
        return mixup(images, targets, partner, generator.beta(recipe.mixup_alpha, recipe.mixup_alpha))
    if choice < recipe.mixup + recipe.cutmix:
        amount = generator.beta(recipe.cutmix_alpha, recipe.cutmix_alpha)
        return cutmix(images, targets, partner, amount, generator)
    return images, targets


def mixup(images: Floats, targets: Floats, partner: npt.NDArray[np.int64], amount: float) -> tuple[Floats, Floats]:
    """`amount` of each image plus 1 - `amount` of its partner (Zhang et al., "mixup", ICLR 2018)."""
    weight = np.float32(amount)
    rest = np.float32(1 - amount)
    return weight * images + rest * images[partner], weight * targets + rest * targets[partner]


def cutmix(
    images: Floats,
    targets: Floats,
    partner: npt.NDArray[np.int64],
    amount: float,
    generator: np.random.Generator,
) -> tuple[Floats, Floats]:
    """A box of 1 - `amount` of the area is copied from the partner (Yun et al., "CutMix", ICCV 2019).

    The targets use the actual area of the box after clipping at the border.
    """
    height, width = images.shape[2:]
    side = np.sqrt(1 - amount)
    row, column = generator.integers(height), generator.integers(width)
    top, bottom = np.clip([row - int(height * side / 2), row + int(height * side / 2)], 0, height)
    left, right = np.clip([column - int(width * side / 2), column + int(width * side / 2)], 0, width)
    mixed = images.copy()
    mixed[:, :, top:bottom, left:right] = images[partner, :, top:bottom, left:right]
    kept = np.float32(1 - (bottom - top) * (right - left) / (height * width))
    return mixed, kept * targets + (1 - kept) * targets[partner]
