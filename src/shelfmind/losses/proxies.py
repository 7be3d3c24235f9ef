"""Losses that compare images with one proxy vector per class instead of with each other."""

from __future__ import annotations

from mindspore import Tensor, ops

from shelfmind.losses.kinds import Counts, Loss
from shelfmind.losses.margins import require_positive
from shelfmind.recipe import COSINE_SCALE

_ABSENT = -1e4
"""An exponent whose exponential adds nothing to a sum that contains a 1."""


def proxy_anchor(counts: Counts, smoothing: float, margin: float = 0.1, sharpness: float = 32.0) -> Loss:
    """Each proxy attracts all images of its class in a batch, hard ones most, and repels all others (Kim et al., "Proxy
    Anchor Loss", CVPR 2020, equation 4).

    With s the cosine similarities, P+ the classes in the batch and P all classes::

        mean over P+ of log(1 + sum exp(-sharpness (s - margin))) over the images of the class
        + mean over P of log(1 + sum exp(sharpness (s + margin))) over the images of other classes

    The proxies are the class vectors of a cosine classifier. There is no softmax, so `smoothing` has no effect.
    """
    require_positive(sharpness=sharpness)

    def loss(logits: Tensor, embeddings: Tensor, targets: Tensor, progress: Tensor) -> Tensor:
        cosines = ops.clamp(logits.float() / COSINE_SCALE, -1.0, 1.0)
        own = targets.float()
        pull = _soft_count(sharpness * (margin - cosines), own)
        push = _soft_count(sharpness * (margin + cosines), 1 - own)
        present = ops.clamp(own.sum(0), 0.0, 1.0)
        return (pull * present).sum() / present.sum() + push.mean()

    return loss


def _soft_count(exponents: Tensor, chosen: Tensor) -> Tensor:
    """log(1 + sum over a column's `chosen` rows, 1 or 0, of exp), shape (C,)."""
    masked = exponents * chosen + _ABSENT * (1 - chosen)
    highest: Tensor = ops.relu(ops.amax(masked, 0))
    return highest + ops.log(ops.exp(-highest) + ops.exp(masked - highest).sum(0))
