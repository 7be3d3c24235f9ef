"""The interface of all networks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import mindspore
from mindspore import Tensor, nn, ops

from shelfmind.models.heads import Head


class Trainable(nn.Cell):
    """The trained part of a training step: maps images (N, 3, H, W) to loss input (N, K) and embeddings (N, D)."""

    if TYPE_CHECKING:

        def __call__(self, images: Tensor) -> tuple[Tensor, Tensor]: ...  # type: ignore[override]


class Network(Trainable):
    """Images (N, 3, H, W) to logits (N, classes) and the embedding (N, D) before the classifier.

    Grad-CAM explains the features between the two halves.

    Attributes:
        least_image_size: minimum height and width of an image in pixels.
        embedding_width: D.
    """

    least_image_size: int
    embedding_width: int

    def construct(self, images: Tensor) -> tuple[Tensor, Tensor]:
        return self.forward_head(self.forward_features(images))

    def forward_features(self, images: Tensor) -> Tensor:
        """The last feature maps (N, D, h, w), or tokens (N, T, D) of a network without feature maps."""
        raise NotImplementedError

    def forward_head(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Logits (N, classes) and embedding (N, D) of these features."""
        raise NotImplementedError


class OwnNetwork(Network):
    """A network of shelfmind, built from the parts of kernels.

    Attributes:
        mean: the mean of each channel, (N, D).
        plain_maps: converts feature maps from the layout of the kernels to (N, D, h, w).
        head: the part that `train.trainable` can train alone.
    """

    mean: nn.Cell
    plain_maps: nn.Cell
    head: Head

    def construct(self, images: Tensor) -> tuple[Tensor, Tensor]:
        return self.head(self.mean(self.maps(images)))

    def maps(self, images: Tensor) -> Tensor:
        """The last feature maps, in the layout of the kernels."""
        raise NotImplementedError

    def forward_features(self, images: Tensor) -> Tensor:
        """The feature maps (N, D, h, w) that are averaged into the embedding."""
        return self.plain_maps(self.maps(images))

    def forward_head(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Logits and embedding of feature maps."""
        return self.head(ops.mean(features, (2, 3)))


@contextmanager
def eagerly() -> Iterator[None]:
    """Run operator by operator in this context: compiling a graph would take longer than running it once or twice."""
    mode = mindspore.get_context("mode")
    mindspore.set_context(mode=mindspore.PYNATIVE_MODE)
    try:
        yield
    finally:
        mindspore.set_context(mode=mode)
