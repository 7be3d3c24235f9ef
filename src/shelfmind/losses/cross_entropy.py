"""Cross entropy on soft targets and re-weighted variants: focal and class-balanced loss."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from mindspore import Tensor, ops

from shelfmind.losses.kinds import Counts, Loss

MIN_UNCERTAINTY = 1e-7


def cross_entropy(counts: Counts, smoothing: float) -> Loss:
    """Mean over images of -sum q log p, with q the smoothed targets (Szegedy et al., CVPR 2016, section 7).

    The log-softmax is computed in float32, so that it stays finite for any logits and under AMP.
    """

    def loss(logits: Tensor, embeddings: Tensor, targets: Tensor, progress: Tensor) -> Tensor:
        return soft_cross_entropy(logits, targets, smoothing).mean()

    return loss


def focal(counts: Counts, smoothing: float, gamma: float = 2.0) -> Loss:
    """Mean of -sum q (1 - p)^gamma log p (Lin et al., ICCV 2017, equation 4, for soft targets q)."""
    if gamma < 0:
        raise ValueError(f"gamma must be at least 0, got {gamma}")

    def loss(logits: Tensor, embeddings: Tensor, targets: Tensor, progress: Tensor) -> Tensor:
        log_probabilities = ops.log_softmax(logits.float(), 1)
        uncertainty = ops.clamp(1 - ops.exp(log_probabilities), MIN_UNCERTAINTY, 1.0)
        return -(smoothed(targets, smoothing) * uncertainty**gamma * log_probabilities).sum(1).mean()

    return loss


def class_balanced(counts: Counts, smoothing: float, beta: float = 0.999, weighted_from: float = 0.0) -> Loss:
    """Cross entropy weighted by (1 - beta) / (1 - beta^n) for an image's class with n training images (Cui et al., CVPR
    2019, equation 4). The weights average 1 over the training images, so that they do not change the learning rate.

    Before the training progress `weighted_from`, all weights are 1 (deferred re-weighting, Cao et al. 2019).
    """
    weights = Tensor(balancing_weights(counts, beta))

    def loss(logits: Tensor, embeddings: Tensor, targets: Tensor, progress: Tensor) -> Tensor:
        weighted = deferred(ops.matmul(targets.float(), weights), progress, weighted_from)
        return (weighted * soft_cross_entropy(logits, targets, smoothing)).mean()

    return loss


def soft_cross_entropy(logits: Tensor, targets: Tensor, smoothing: float) -> Tensor:
    """-sum q log p of each image, shape (N,)."""
    return -(smoothed(targets, smoothing) * ops.log_softmax(logits.float(), 1)).sum(1)


def smoothed(targets: Tensor, smoothing: float) -> Tensor:
    """Targets (N, C) with label smoothing over all classes."""
    return targets * (1 - smoothing) + smoothing / targets.shape[1]


def deferred(weights: Tensor, progress: Tensor, weighted_from: float) -> Tensor:
    """`weights` from progress `weighted_from` on, 1 before."""
    on = (progress >= weighted_from).astype(weights.dtype)
    return weights * on + (1 - on)


def balancing_weights(counts: Counts, beta: float) -> npt.NDArray[np.float32]:
    """(1 - beta) / (1 - beta^n) of each class, scaled to a mean of 1 over the images.

    A class without images counts as one image. Averaged over the classes instead, as in the paper, the weights of most
    images of a long tail are far below 1, which lowers the learning rate.
    """
    if not 0 <= beta < 1:
        raise ValueError(f"beta must lie in [0, 1), got {beta}")
    images = np.maximum(counts, 1).astype(np.float64)
    weights = (1 - beta) / (1 - beta**images)
    return np.asarray(weights / np.average(weights, weights=images), np.float32)
