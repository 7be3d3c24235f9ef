"""Distillation: a network learns what trained ones say of an image, besides its label."""

from __future__ import annotations

from mindspore import Tensor

from shelfmind.losses.cross_entropy import soft_cross_entropy
from shelfmind.losses.kinds import Loss


def distilled(loss: Loss, weight: float, temperature: float) -> Loss:
    """(1 - weight) * loss + weight * temperature^2 * mean of -sum t log p, t what teachers say and p what the network
    says at this temperature (Hinton et al., "Distilling the Knowledge in a Neural Network", 2015, section 2).

    Targets are (N, 2, C): those of `loss`, and t. The square keeps the gradient as large as at a temperature of 1. It
    is that of a Kullback-Leibler divergence, which differs by the entropy of t: a logarithm that MindSpore may round
    differently in a training that goes on.
    """

    def taught(logits: Tensor, embeddings: Tensor, targets: Tensor, progress: Tensor) -> Tensor:
        lesson = temperature**2 * soft_cross_entropy(logits.float() / temperature, targets[:, 1], 0).mean()
        if weight == 1:
            return lesson
        return (1 - weight) * loss(logits, embeddings, targets[:, 0], progress) + weight * lesson

    return taught
