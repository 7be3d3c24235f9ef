"""What every network owes the rest of the package."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import mindspore
from mindspore import Tensor, nn

from shelfmind.models.heads import Head


class Trainable(nn.Cell):
    """What a step trains: images (N, 3, H, W) to what the loss takes (N, K) and embeddings (N, D)."""

    if TYPE_CHECKING:

        def __call__(self, images: Tensor) -> tuple[Tensor, Tensor]: ...  # type: ignore[override]


class Network(Trainable):
    """Images (N, 3, H, W) to logits (N, classes) and the embedding (N, D) before the classifier.

    The features between the two halves are what Grad-CAM explains and self-supervised pretraining works on.
    The head of our own networks is what `train.trainable` can train alone.

    Attributes:
        least_image_size: height and width in pixels below which nothing is left of an image.
        embedding_width: D.
        head: only in networks of ours.
    """

    least_image_size: int
    embedding_width: int
    head: Head

    def construct(self, images: Tensor) -> tuple[Tensor, Tensor]:
        return self.forward_head(self.forward_features(images))

    def forward_features(self, images: Tensor) -> Tensor:
        """The last feature maps (N, D, h, w), or tokens (N, T, D) of a network without maps."""
        raise NotImplementedError

    def forward_head(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Logits (N, classes) and embedding (N, D) of these features."""
        raise NotImplementedError


@contextmanager
def eagerly() -> Iterator[None]:
    """Operator by operator within this context: a graph would take longer to compile than to run once or twice."""
    mode = mindspore.get_context("mode")
    mindspore.set_context(mode=mindspore.PYNATIVE_MODE)
    try:
        yield
    finally:
        mindspore.set_context(mode=mode)
