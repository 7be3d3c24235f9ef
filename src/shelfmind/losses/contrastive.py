"""Losses that compare the images of a batch with each other, in addition to classifying them."""

from __future__ import annotations

from mindspore import Tensor, ops

from shelfmind.losses.cross_entropy import soft_cross_entropy
from shelfmind.losses.kinds import Counts, Loss
from shelfmind.losses.margins import require_positive

_ABSENT = -1e9
"""An exponent whose exponential adds nothing to a sum."""


def supervised_contrastive(counts: Counts, smoothing: float, weight: float = 1.0, temperature: float = 0.1) -> Loss:
    """Cross entropy, plus `weight` times the supervised contrastive loss (Khosla et al., "Supervised Contrastive
    Learning", NeurIPS 2020, equation 2).

    With s the cosine similarities divided by `temperature`, and all other images of the batch as candidates for each
    image::

        -mean over the others of its class of log(exp(s) / sum of exp(s) over all others)

    averaged over the images with another image of their class in the batch. There is one view per image, so batches
    must contain several images per class.
    """
    require_positive(weight=weight, temperature=temperature)

    def loss(logits: Tensor, embeddings: Tensor, targets: Tensor, progress: Tensor) -> Tensor:
        classification = soft_cross_entropy(logits, targets, smoothing).mean()
        return classification + weight * _contrast(embeddings.float(), targets.float(), temperature)

    return loss


def _contrast(embeddings: Tensor, targets: Tensor, temperature: float) -> Tensor:
    lengths = ops.sqrt((embeddings * embeddings).sum(1, keepdims=True) + 1e-12)
    vectors = embeddings / lengths
    indices = ops.arange(embeddings.shape[0])
    others = ops.not_equal(indices.reshape((1, -1)), indices.reshape((-1, 1))).astype(embeddings.dtype)
    likeness = ops.matmul(vectors, vectors.T) / temperature * others + _ABSENT * (1 - others)
    same = ops.matmul(targets, targets.T) * others
    found = (same * ops.log_softmax(likeness, 1)).sum(1) / ops.clamp(same.sum(1), 1e-6, None)
    has_positives = (same.sum(1) > 0).astype(embeddings.dtype)
    contrast: Tensor = -(found * has_positives).sum() / ops.clamp(has_positives.sum(), 1.0, None)
    return contrast
