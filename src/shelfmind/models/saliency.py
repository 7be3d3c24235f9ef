"""Saliency maps: Grad-CAM."""

from __future__ import annotations

from collections.abc import Callable

import mindspore
import numpy as np
import numpy.typing as npt
from mindspore import Tensor, ops

from shelfmind.arrays import Floats
from shelfmind.errors import UserError
from shelfmind.models.heads import unit_rows
from shelfmind.models.network import Network, eagerly


def grad_cam(model: Network, images: Floats, classes: npt.NDArray[np.int64]) -> Floats:
    """The evidence for a class at each position of the last feature maps: ReLU of the maps' sum weighted by the mean
    gradients of the class's logit, scaled to a maximum of 1 (Selvaraju et al., ICCV 2017, equations 1 and 2).

    Args:
        model: a network of shelfmind, or of MindCV with feature maps.
        images: network input (N, 3, H, W).
        classes: the class to explain for each image (N,).

    Returns:
        maps (N, h, w) between 0 and 1; all 0 if there is no evidence for the class.

    Raises:
        UserError: a network without feature maps, such as a transformer.
    """

    def evidence(logits: Tensor, _: Tensor) -> Tensor:
        chosen = np.zeros(logits.shape, np.float32)
        chosen[np.arange(len(classes)), classes] = 1
        return (logits * Tensor(chosen)).sum()

    return _cam(model, images, evidence)


def similarity_cam(model: Network, images: Floats, references: Floats) -> Floats:
    """The evidence for the similarity to another photo at each position of the last feature maps: Grad-CAM of the
    cosine similarity of the embeddings instead of a logit.

    Args:
        model: as for `grad_cam`.
        images: network input (N, 3, H, W).
        references: the unit vector of the other photo for each image (N, D).

    Returns:
        maps (N, h, w) between 0 and 1.

    Raises:
        UserError: a network without feature maps.
    """

    def evidence(_: Tensor, embeddings: Tensor) -> Tensor:
        return (unit_rows(embeddings) * Tensor(references)).sum()

    return _cam(model, images, evidence)


def _cam(model: Network, images: Floats, evidence: Callable[[Tensor, Tensor], Tensor]) -> Floats:
    """Grad-CAM of a function of logits (N, classes) and embeddings (N, D)."""
    model.set_train(False)
    with eagerly():
        maps = model.forward_features(Tensor(images))
        if maps.ndim != 4:
            raise UserError("Grad-CAM needs a convolutional network; this one has no feature maps")

        def of_maps(features: Tensor) -> Tensor:
            return evidence(*model.forward_head(features))

        weights = ops.mean(mindspore.grad(of_maps)(maps), (2, 3), keep_dims=True)
        saliency = ops.relu((weights * maps).sum(1)).asnumpy()
    highest = saliency.max((1, 2), keepdims=True)
    return np.divide(saliency, highest, out=np.zeros_like(saliency), where=highest > 0)
