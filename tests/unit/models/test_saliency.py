"""Grad-CAM equals what a network with a linear head says of itself, and finds what was planted."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

CLASSES = 3


@pytest.fixture(scope="module")
def model(mindspore: Any) -> Any:
    from shelfmind.models import create_model

    return create_model("resnet18", CLASSES, widths=(8, 8, 8, 16), depths=(1, 1, 1, 1))


def test_with_a_linear_head_it_is_the_class_activation_map(model: Any, mindspore: Any) -> None:
    """Zhou et al., CVPR 2016: there the maps' weights are the classifier's own."""
    from shelfmind.models.network import eagerly
    from shelfmind.models.saliency import grad_cam

    images = np.random.default_rng(0).normal(size=(4, 3, 96, 64)).astype(np.float32)
    classes = np.array([0, 1, 2, 0])
    result = grad_cam(model, images, classes)
    with eagerly():
        maps = model.forward_features(mindspore.Tensor(images)).asnumpy()
    weight = model.head.classifier.weight.asnumpy()
    expected = np.maximum(np.einsum("nd,ndhw->nhw", weight[classes], maps), 0)
    assert result.shape == (4, 3, 2)
    np.testing.assert_allclose(result, expected / expected.max((1, 2), keepdims=True), rtol=1e-3, atol=1e-4)


def test_it_points_at_what_speaks_for_the_class(mindspore: Any) -> None:
    from mindspore import nn, ops

    from shelfmind.models.saliency import grad_cam

    class Reds(nn.Cell):  # type: ignore[misc]
        """Class 1 is redness, class 0 blueness."""

        def forward_features(self, images: Any) -> Any:
            return nn.AvgPool2d(8, 8)(images)

        def forward_head(self, maps: Any) -> Any:
            pooled = ops.mean(maps, (2, 3))
            return ops.stack([pooled[:, 2], pooled[:, 0]], 1), pooled

    images = np.zeros((2, 3, 32, 32), np.float32)
    images[:, 0, 8:16, 16:24] = 1  # red here
    images[:, 2, 24:32, 0:8] = 1  # blue there
    blue, red = grad_cam(Reds(), images, np.array([0, 1]))
    assert np.argwhere(red == 1).tolist() == [[1, 2]]
    assert np.argwhere(blue == 1).tolist() == [[3, 0]]
    assert red.sum() == blue.sum() == 1


def test_nothing_for_a_class_is_nothing(mindspore: Any, model: Any) -> None:
    from shelfmind.models.saliency import grad_cam

    weight = model.head.classifier.weight.asnumpy()
    model.head.classifier.weight.set_data(mindspore.Tensor(-np.abs(weight)))
    images = np.random.default_rng(1).normal(size=(1, 3, 64, 64)).astype(np.float32)
    assert grad_cam(model, images, np.array([1])).max() == 0
    model.head.classifier.weight.set_data(mindspore.Tensor(weight))


def test_its_memory_does_not_grow_with_the_square_of_the_classes(mindspore: Any) -> None:
    from shelfmind.models import create_model
    from shelfmind.models.saliency import grad_cam

    many = create_model("resnet18", 300_000, widths=(8, 8, 8, 8), depths=(1, 1, 1, 1))
    maps = grad_cam(many, np.ones((2, 3, 64, 64), np.float32), np.array([0, 299_999]))
    assert maps.shape == (2, 2, 2)
