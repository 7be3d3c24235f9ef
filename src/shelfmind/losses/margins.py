"""Losses that adjust logits before the softmax: balanced softmax, LDAM and ArcFace."""

from __future__ import annotations

import math

import numpy as np
from mindspore import Tensor, ops

from shelfmind.losses.cross_entropy import balancing_weights, deferred, soft_cross_entropy
from shelfmind.losses.kinds import Counts, Loss
from shelfmind.recipe import COSINE_SCALE

MIN_SQUARE = 1e-6
"""Keeps the gradient of a sine finite at an angle of 0."""


def balanced_softmax(counts: Counts, smoothing: float) -> Loss:
    """Cross entropy of the logits plus log n, n a class's training images (Ren et al., NeurIPS 2020, equation 3).

    The learnt logits are those of balanced classes. A class without images counts as one image.
    """
    prior = Tensor(np.log(np.maximum(counts, 1)).astype(np.float32))

    def loss(logits: Tensor, embeddings: Tensor, targets: Tensor, progress: Tensor) -> Tensor:
        return soft_cross_entropy(logits.float() + prior, targets, smoothing).mean()

    return loss


def ldam(
    counts: Counts,
    smoothing: float,
    largest_margin: float = 0.5,
    scale: float = 30.0,
    beta: float = 0.9999,
    weighted_from: float = 0.8,
) -> Loss:
    """Cosines less a margin of n^(-1/4) at the true class, scaled to `largest_margin` for the rarest class, times
    `scale`, with class-balanced weights in the last part of training (LDAM-DRW, Cao et al., NeurIPS 2019, equations
    10 to 13). The weights average 1 over the training images."""
    require_positive(largest_margin=largest_margin, scale=scale)
    roots = np.maximum(counts, 1).astype(np.float64) ** -0.25
    margins = Tensor((largest_margin * roots / roots.max()).astype(np.float32))
    weights = Tensor(balancing_weights(counts, beta))

    def loss(logits: Tensor, embeddings: Tensor, targets: Tensor, progress: Tensor) -> Tensor:
        cosines = logits.float() / COSINE_SCALE - margins * targets
        weighted = deferred(ops.matmul(targets.float(), weights), progress, weighted_from)
        return (weighted * soft_cross_entropy(cosines * scale, targets, smoothing)).mean()

    return loss


def arcface(counts: Counts, smoothing: float, margin: float = 0.5, scale: float = 30.0, ramp: float = 0.0) -> Loss:
    """Cross entropy of scale * cos(angle + margin) at the true class and scale * cos(angle) elsewhere (Deng et al.,
    CVPR 2019, equation 3).

    Where angle + margin exceeds pi, the cosine decreases linearly as in the authors' code, so that it is monotonic.
    With `ramp`, a share of training, the margin grows to its full size over that share: from random weights, a full
    margin may collapse all embeddings to one point, where the gradient vanishes.
    """
    require_positive(margin=margin, scale=scale)
    if margin >= math.pi / 2:
        raise ValueError(f"margin must be an angle below pi / 2, got {margin}")
    if not 0 <= ramp <= 1:
        raise ValueError(f"ramp must lie in [0, 1], got {ramp}")

    def loss(logits: Tensor, embeddings: Tensor, targets: Tensor, progress: Tensor) -> Tensor:
        grown = margin * ops.clamp(progress / ramp, 0.0, 1.0) if ramp else margin + 0 * progress
        cosines = ops.clamp(logits.float() / COSINE_SCALE, -1.0, 1.0)
        sines = ops.sqrt(ops.clamp(1 - cosines * cosines, MIN_SQUARE, 1.0))
        turned = cosines * ops.cos(grown) - sines * ops.sin(grown)
        turned = ops.where(cosines > -ops.cos(grown), turned, cosines - grown * ops.sin(grown))
        return soft_cross_entropy((targets * turned + (1 - targets) * cosines) * scale, targets, smoothing).mean()

    return loss


def require_positive(**values: float) -> None:
    """Raise `ValueError` with the name of the first value that is not greater than 0."""
    for name, value in values.items():
        if not value > 0:
            raise ValueError(f"{name} must be greater than 0, got {value}")
