"""Knowledge distillation: a network also learns the predictions of trained networks."""

from __future__ import annotations

from mindspore import Tensor

from shelfmind.losses.cross_entropy import soft_cross_entropy
from shelfmind.losses.kinds import Loss


def distilled(loss: Loss, weight: float, temperature: float) -> Loss:
    """(1 - weight) * loss + weight * temperature^2 * mean of -sum t log p, with t the teachers' predictions and p the
    network's at this temperature (Hinton et al., "Distilling the Knowledge in a Neural Network", 2015, section 2).

    Targets are (N, 2, C): those of `loss`, and t. The squared temperature keeps the gradient magnitude of temperature
    1. The gradient equals that of the Kullback-Leibler divergence, which differs only by the entropy of t; its
    logarithm is avoided because MindSpore may round it differently after resuming.
    """

    def with_teachers(logits: Tensor, embeddings: Tensor, targets: Tensor, progress: Tensor) -> Tensor:
        distillation = temperature**2 * soft_cross_entropy(logits.float() / temperature, targets[:, 1], 0).mean()
        if weight == 1:
            return distillation
        return (1 - weight) * loss(logits, embeddings, targets[:, 0], progress) + weight * distillation

    return with_teachers
