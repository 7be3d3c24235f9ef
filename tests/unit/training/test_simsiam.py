"""SimSiam's loss is the paper's, its gradient stops where it must, and its batches show every photo twice."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from shelfmind.recipe import DataRecipe, LossRecipe, Recipe, TrainRecipe

PAIRS, WIDTH = 4, 6
COUNTS = np.ones(3, np.int64)


@pytest.fixture
def outputs() -> np.ndarray:
    """Predictions beside projections of four pairs of views, shape (8, 12)."""
    return np.random.default_rng(0).normal(size=(2 * PAIRS, 2 * WIDTH)).astype(np.float32)


def cosine(one: np.ndarray, two: np.ndarray) -> float:
    return float(one @ two / np.linalg.norm(one) / np.linalg.norm(two))


def loss_of(outputs: np.ndarray, mindspore: Any) -> Any:
    from shelfmind.training.simsiam import simsiam_loss

    loss = simsiam_loss(LossRecipe(label_smoothing=0), COUNTS)
    zero = mindspore.Tensor(np.float32(0))
    return loss, lambda values: loss(mindspore.Tensor(values), zero, zero, zero)


def test_the_loss_is_that_of_the_paper(outputs: np.ndarray, mindspore: Any) -> None:
    """Chen and He, CVPR 2021, equations 1 and 2: D(p1, z2) / 2 + D(p2, z1) / 2, one pair after the other."""
    predictions, projections = outputs[:, :WIDTH].astype(np.float64), outputs[:, WIDTH:].astype(np.float64)
    pairs = [
        -(cosine(predictions[i], projections[PAIRS + i]) + cosine(predictions[PAIRS + i], projections[i])) / 2
        for i in range(PAIRS)
    ]
    _, value = loss_of(outputs, mindspore)
    assert float(value(outputs).asnumpy()) == pytest.approx(np.mean(pairs), abs=1e-6)


def test_agreement_is_the_least_and_nothing_is_not_a_number(outputs: np.ndarray, mindspore: Any) -> None:
    _, value = loss_of(outputs, mindspore)
    agreeing = np.tile(outputs[:1, :WIDTH], (2 * PAIRS, 2))
    assert float(value(agreeing).asnumpy()) == pytest.approx(-1, abs=1e-5)
    for scale in (0.0, 1e-18, 1e12):
        assert np.isfinite(value(outputs * np.float32(scale)).asnumpy())


def test_no_gradient_flows_through_projections(mindspore: Any) -> None:
    """Equation 3: without the stopped gradient the embeddings collapse."""
    from mindspore import nn, ops

    from shelfmind.training.simsiam import SimSiam

    class Backbone(nn.Cell):  # type: ignore[misc]
        embedding_width = 5

        def __init__(self) -> None:
            super().__init__()
            self.head = nn.Cell()
            self.head.classifier = nn.Dense(5, 2)
            self.dense = nn.Dense(7, 5)

        def construct(self, images: Any) -> Any:
            seen = self.dense(images)
            return self.head.classifier(seen), seen

    network = SimSiam(Backbone(), seed=0)
    network.set_train()
    images = mindspore.Tensor(np.random.default_rng(1).normal(size=(6, 7)).astype(np.float32))
    wanted = {p.name: p for p in network.trainable_params()}
    assert not [name for name in wanted if "classifier" in name]

    def through_projections(values: Any) -> Any:
        return network(values)[0][:, 512:].sum()

    def through_predictions(values: Any) -> Any:
        return (network(values)[0][:, :512] ** 2).sum()

    weights = list(wanted.values())
    projected = mindspore.grad(through_projections, grad_position=None, weights=weights)(images)
    predicted = mindspore.grad(through_predictions, grad_position=None, weights=weights)(images)
    assert all(float(ops.abs(each).max()) == 0 for each in projected)
    assert all(np.isfinite(each.asnumpy()).all() for each in predicted)
    assert sum(float(ops.abs(each).max()) > 0 for each in predicted) > len(weights) // 2


def test_every_photo_is_seen_twice_and_differently(mindspore: Any) -> None:
    from shelfmind.training.simsiam import TwoViews

    squares = np.stack([np.full((16, 16, 3), 15 * number, np.uint8) for number in range(9)])
    recipe = Recipe(
        data=DataRecipe(image_size=16, resize_to=16, mean=(0, 0, 0), std=(1, 1, 1)),
        augment=[("color_jitter", {"brightness": 0.1})],
        train=TrainRecipe(batch_size=4, task="simsiam"),
    )
    batches = TwoViews(squares, np.arange(9) % 3, 3, recipe, seed=0)
    read = list(batches.segment(1, 0, batches.steps_per_epoch, 16, False))
    assert len(read) == 2
    for images, targets in read:
        assert images.shape == (8, 3, 16, 16)
        np.testing.assert_array_equal(targets[:4], targets[4:])
        first, second = images[:4, 0, 0, 0], images[4:, 0, 0, 0]
        assert np.abs(first - second).max() < 0.15  # jitter of a tenth: the same photos in the same order
        assert np.abs(first - second).max() > 1e-3  # but not the same views
    images, targets = batches.example(16)
    assert images.shape == (8, 3, 16, 16)
    assert targets.shape == (8, 3)
