"""Every model of MindCV under the name ``mindcv:NAME``, an optional extra."""

from __future__ import annotations

from typing import Any, Protocol

import mindspore
import numpy as np
from mindspore import Tensor, ops

from shelfmind.errors import UserError, unknown_name
from shelfmind.models.network import Network, eagerly

PREFIX = "mindcv:"


class _Split(Protocol):
    """A MindCV network with separate feature extractor and head, as nearly all of its models have."""

    def set_train(self, mode: bool) -> object: ...
    def forward_features(self, images: Tensor) -> Tensor: ...
    def forward_head(self, features: Tensor) -> Tensor: ...


class MindcvModel(Network):
    """A MindCV network: images (N, 3, H, W) to logits (N, num_classes) and pooled features (N, D).

    Raises `AttributeError` for a network without separate feature extractor and head, or whose features are not a
    tensor.
    """

    least_image_size = 32

    def __init__(self, network: _Split, image_size: int) -> None:
        super().__init__()
        self.network = network
        images = Tensor(np.zeros((1, 3, image_size, image_size), np.float32))
        network.set_train(False)
        with eagerly():
            _, embedding = self.forward_head(self.forward_features(images))
        self.embedding_width = int(embedding.shape[1])

    def forward_features(self, images: Tensor) -> Tensor:
        """The features before MindCV's head: (N, D, h, w), or tokens (N, T, D)."""
        return self.network.forward_features(images)

    def forward_head(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Logits and pooled features."""
        return self.network.forward_head(features), _pooled(features)


def create_mindcv_model(name: str, num_classes: int, seed: int, image_size: int = 224, **arguments: Any) -> Network:
    """The MindCV model of this name, initialised from `seed` by MindCV's rules.

    `image_size` is the size at which the embedding width is determined, for networks that accept only one.

    Raises:
        UserError: MindCV is not installed, has no such model, or cannot build or split it.
    """
    try:
        import mindcv
    except ImportError as error:
        raise UserError(f"{PREFIX}{name} needs MindCV; run: pip install 'shelfmind[mindcv]'") from error
    if name not in mindcv.list_models():
        raise unknown_name("MindCV model", name, mindcv.list_models())
    mindspore.set_seed(seed)
    try:
        return MindcvModel(mindcv.create_model(name, num_classes=num_classes, **arguments), image_size)
    except (TypeError, ValueError, AttributeError) as error:
        raise UserError(f"{PREFIX}{name} cannot be built with {arguments}: {str(error).splitlines()[0]}") from error


def _pooled(features: Tensor) -> Tensor:
    if features.ndim == 4:
        return ops.mean(features, (2, 3))
    return ops.mean(features, 1) if features.ndim == 3 else features
