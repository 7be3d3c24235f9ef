"""Losses that are robust to label noise."""

from __future__ import annotations

from mindspore import Tensor, ops

from shelfmind.losses.cross_entropy import smoothed
from shelfmind.losses.kinds import Counts, Loss


def generalised_cross_entropy(counts: Counts, smoothing: float, exponent: float = 0.7) -> Loss:
    """Mean of sum q (1 - p^exponent) / exponent: cross entropy as the exponent approaches 0, mean absolute error at 1
    (Zhang and Sabuncu, NeurIPS 2018, equation 6, for soft targets q)."""
    if not 0 < exponent <= 1:
        raise ValueError(f"exponent must lie in (0, 1], got {exponent}")

    def loss(logits: Tensor, embeddings: Tensor, targets: Tensor, progress: Tensor) -> Tensor:
        powers = ops.exp(exponent * ops.log_softmax(logits.float(), 1))
        return (smoothed(targets, smoothing) * (1 - powers) / exponent).sum(1).mean()

    return loss
