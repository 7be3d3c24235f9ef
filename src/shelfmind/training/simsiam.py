"""SimSiam: self-supervised training on two views of each photo, with small batches."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from mindspore import Tensor, nn, ops

from shelfmind.arrays import Floats
from shelfmind.images.loader import TrainingBatches
from shelfmind.losses import Loss
from shelfmind.losses.kinds import Counts
from shelfmind.models.heads import unit_rows
from shelfmind.models.initialisation import initialise_dense
from shelfmind.models.network import Network, Trainable
from shelfmind.models.weights import CLASSIFIERS
from shelfmind.recipe import LossRecipe

PROJECTION, HIDDEN = 512, 128
"""Widths of the projection and of the prediction bottleneck: a quarter of the paper's, for narrower embeddings."""


class SimSiam(Trainable):
    """A backbone with projection and prediction heads (Chen and He, CVPR 2021, section 3).

    Maps images (2N, 3, H, W), the second views after all first views, to (2N, 2 * PROJECTION): predictions, and
    projections with stopped gradients; and the embeddings. Both views share batch-norm statistics.
    """

    def __init__(self, backbone: Network, seed: int) -> None:
        super().__init__()
        for name, parameter in backbone.parameters_and_names():
            if name.startswith(CLASSIFIERS):
                parameter.requires_grad = False  # no labels are learnt
        self.backbone = backbone
        width = backbone.embedding_width
        self.projector = nn.SequentialCell(
            [*_layer(width, PROJECTION), *_layer(PROJECTION, PROJECTION), *_layer(PROJECTION, PROJECTION, last=True)]
        )
        self.predictor = nn.SequentialCell([*_layer(PROJECTION, HIDDEN), nn.Dense(HIDDEN, PROJECTION)])
        initialise_dense([self.projector, self.predictor], seed)

    def construct(self, images: Tensor) -> tuple[Tensor, Tensor]:
        embeddings = self.backbone(images)[1]
        projections = self.projector(embeddings)
        return ops.cat((self.predictor(projections), ops.stop_gradient(projections)), 1), embeddings


def simsiam_loss(recipe: LossRecipe, counts: Counts) -> Loss:
    """The mean negative cosine between each view's prediction and the other view's projection (equations 1 to 4)."""

    def loss(outputs: Tensor, embeddings: Tensor, targets: Tensor, progress: Tensor) -> Tensor:
        half, width = outputs.shape[0] // 2, outputs.shape[1] // 2
        predictions, projections = unit_rows(outputs[:, :width]), unit_rows(outputs[:, width:])
        first = (predictions[:half] * projections[half:]).sum(1).mean()
        second = (predictions[half:] * projections[:half]).sum(1).mean()
        return -(first + second) / 2

    return loss


class TwoViews(TrainingBatches):
    """Each batch's images twice, differently augmented: (2N, 3, H, W), with unused targets."""

    def segment(self, epoch: int, start: int, stop: int, image_size: int, mix: bool) -> Iterator[tuple[Floats, Floats]]:
        views = [self.augmented(epoch, start, stop, image_size, False, view) for view in range(2)]
        for (first, targets), (second, _) in zip(*views, strict=True):
            yield np.concatenate([first, second]), np.concatenate([targets, targets])

    def example(self, image_size: int) -> tuple[Floats, Floats]:
        images, targets = super().example(image_size)
        return np.concatenate([images, images]), np.concatenate([targets, targets])


def _layer(width: int, to: int, last: bool = False) -> list[nn.Cell]:
    layers: list[nn.Cell] = [nn.Dense(width, to, has_bias=False), nn.BatchNorm1d(to)]
    return layers if last else [*layers, nn.ReLU()]
