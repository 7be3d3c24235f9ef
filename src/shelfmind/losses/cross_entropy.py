"""Cross entropy with label smoothing on soft targets."""

from __future__ import annotations

from collections.abc import Callable

from mindspore import Tensor, ops

from shelfmind.recipe import LossRecipe


def cross_entropy(recipe: LossRecipe) -> Callable[[Tensor, Tensor], Tensor]:
    """Mean over images of -sum q log p, q the targets smoothed over all classes (Szegedy et al., CVPR 2016, section 7).

    The logarithm of the softmax is taken in float32, so that it stays finite at any logits and under AMP.
    """
    smoothing = recipe.label_smoothing

    def loss(logits: Tensor, targets: Tensor) -> Tensor:
        classes = logits.shape[1]
        smoothed = targets * (1 - smoothing) + smoothing / classes
        log_probabilities = ops.log_softmax(logits.float(), 1)
        return -(smoothed * log_probabilities).sum(1).mean()

    return loss
