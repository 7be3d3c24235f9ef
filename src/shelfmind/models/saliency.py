"""Where a network looks: Grad-CAM."""

from __future__ import annotations

import mindspore
import numpy as np
import numpy.typing as npt
from mindspore import Tensor, ops

from shelfmind.arrays import Floats
from shelfmind.errors import UserError
from shelfmind.models.network import Network, eagerly


def grad_cam(model: Network, images: Floats, classes: npt.NDArray[np.int64]) -> Floats:
    """How much each position of the last feature maps speaks for a class: ReLU of the maps' sum weighted by the mean
    gradients of the class's logit, scaled to a maximum of 1 (Selvaraju et al., ICCV 2017, equations 1 and 2).

    Args:
        model: a network of ours, or MindCV's with feature maps.
        images: network input (N, 3, H, W).
        classes: the class asked about for each image (N,).

    Returns:
        maps (N, h, w) between 0 and 1; all 0 where nothing speaks for the class.

    Raises:
        UserError: a network without feature maps, such as a transformer.
    """
    model.set_train(False)
    with eagerly():
        maps = model.forward_features(Tensor(images))
        if maps.ndim != 4:
            raise UserError("Grad-CAM needs a convolutional network; this one gives no feature maps")
        chosen = Tensor(np.eye(_classes(model, maps), dtype=np.float32)[classes])

        def evidence(features: Tensor) -> Tensor:
            return (model.forward_head(features)[0] * chosen).sum()

        weights = ops.mean(mindspore.grad(evidence)(maps), (2, 3), keep_dims=True)
        saliency = ops.relu((weights * maps).sum(1)).asnumpy()
    highest = saliency.max((1, 2), keepdims=True)
    return np.divide(saliency, highest, out=np.zeros_like(saliency), where=highest > 0)


def _classes(model: Network, maps: Tensor) -> int:
    return int(model.forward_head(maps)[0].shape[1])
