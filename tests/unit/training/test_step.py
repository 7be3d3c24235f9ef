"""One step against NumPy: Nesterov momentum, decay on weights only, averaged weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from shelfmind.recipe import LossRecipe, TrainRecipe

RATE, MOMENTUM, DECAY, AVERAGING = 0.1, 0.9, 0.05, 0.7


def softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True)


def test_steps_equal_numpy(mindspore: Any) -> None:
    from mindspore import nn

    from shelfmind.losses import build_loss
    from shelfmind.training.optimizer import build_optimizer
    from shelfmind.training.step import averages_of, build_step

    class LinearModel(nn.Cell):  # type: ignore[misc]
        """Inputs (N, 5) to logits (N, 3)."""

        def __init__(self) -> None:
            super().__init__()
            weight = np.random.default_rng(0).normal(size=(3, 5)).astype(np.float32)
            self.dense = nn.Dense(5, 3, mindspore.Tensor(weight), "zeros")

        def construct(self, inputs: Any) -> Any:
            return self.dense(inputs), inputs

    model, averaged = LinearModel(), LinearModel()
    averaged.update_parameters_name("averaged.")
    recipe = TrainRecipe(lr=RATE, momentum=MOMENTUM, weight_decay=DECAY)
    optimizer = build_optimizer(list(model.trainable_params()), recipe)
    loss = build_loss(LossRecipe(label_smoothing=0), np.ones(3, np.int64))
    step = build_step(model, averages_of(model, averaged), optimizer, loss)
    generator = np.random.default_rng(1)
    weight, bias = model.dense.weight.asnumpy().astype(np.float64), model.dense.bias.asnumpy().astype(np.float64)
    mean_weight, mean_bias = weight.copy(), bias.copy()
    speed_weight, speed_bias = np.zeros_like(weight), np.zeros_like(bias)
    for _ in range(4):
        images = generator.normal(size=(6, 5)).astype(np.float32)
        targets = np.eye(3, dtype=np.float32)[generator.integers(3, size=6)]
        step(
            mindspore.Tensor(images),
            mindspore.Tensor(targets),
            mindspore.Tensor(np.float32(AVERAGING)),
            mindspore.Tensor(np.float32(0)),
        )
        difference = (softmax(images @ weight.T + bias) - targets) / 6
        slope_weight, slope_bias = difference.T @ images + DECAY * weight, difference.sum(0)
        speed_weight, speed_bias = MOMENTUM * speed_weight + slope_weight, MOMENTUM * speed_bias + slope_bias
        weight -= RATE * (slope_weight + MOMENTUM * speed_weight)
        bias -= RATE * (slope_bias + MOMENTUM * speed_bias)
        mean_weight += (1 - AVERAGING) * (weight - mean_weight)
        mean_bias += (1 - AVERAGING) * (bias - mean_bias)
    np.testing.assert_allclose(model.dense.weight.asnumpy(), weight, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(model.dense.bias.asnumpy(), bias, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(averaged.dense.weight.asnumpy(), mean_weight, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(averaged.dense.bias.asnumpy(), mean_bias, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("micro_batch_size", [2, 4])
def test_steps_in_parts_equal_whole_ones(micro_batch_size: int, linear: Any, batches: list[Any]) -> None:
    """Also where the last part is smaller; a network without batch normalisation cannot tell the difference."""
    from shelfmind.losses import build_loss
    from shelfmind.training.optimizer import build_optimizer
    from shelfmind.training.step import averages_of, build_step

    optimizer = build_optimizer(list(linear.model.trainable_params()), TrainRecipe(lr=RATE, weight_decay=0))
    loss = build_loss(LossRecipe(label_smoothing=0), np.ones(3, np.int64))
    averages = averages_of(linear.model, linear.averaged)
    step = build_step(linear.model, averages, optimizer, loss, micro_batch_size=micro_batch_size)
    expected, speed = list(linear.values()), [0.0, 0.0]
    for images, targets in batches[:3]:
        for place, slope in enumerate(linear.slopes(images, targets)):
            speed[place] = 0.9 * speed[place] + slope
            expected[place] = expected[place] - RATE * (slope + 0.9 * speed[place])
        moment = linear.tensor(np.float32(0.9)), linear.tensor(np.float32(0))
        value = float(step(linear.tensor(images), linear.tensor(targets), *moment).asnumpy())
        assert np.isfinite(value)
        for now, wanted in zip(linear.values(), expected, strict=True):
            np.testing.assert_allclose(now, wanted, rtol=1e-4, atol=1e-6)


def test_no_part_is_a_single_image(mindspore: Any) -> None:
    """Nine images in parts of four: the variance of one value would not be a number, in the moving statistics as well.

    These follow the parts of four and of five images, as NumPy computes them.
    """
    from mindspore import nn

    from shelfmind.losses import build_loss
    from shelfmind.training.optimizer import build_optimizer
    from shelfmind.training.step import averages_of, build_step

    class Normalised(nn.Cell):  # type: ignore[misc]
        """Inputs (N, 3) to logits (N, 3) by batch normalisation alone."""

        def __init__(self) -> None:
            super().__init__()
            self.norm = nn.BatchNorm1d(3)

        def construct(self, inputs: Any) -> Any:
            return self.norm(inputs), inputs

    model, averaged = Normalised(), Normalised()
    averaged.update_parameters_name("averaged.")
    model.set_train(True)
    optimizer = build_optimizer(list(model.trainable_params()), TrainRecipe())
    loss = build_loss(LossRecipe(label_smoothing=0), np.ones(3, np.int64))
    step = build_step(model, averages_of(model, averaged), optimizer, loss, micro_batch_size=4)
    images = np.random.default_rng(0).normal(size=(9, 3)).astype(np.float32)
    moment = mindspore.Tensor(np.float32(0)), mindspore.Tensor(np.float32(0))
    step(mindspore.Tensor(images), mindspore.Tensor(np.eye(3, dtype=np.float32)[[0] * 9]), *moment)
    momentum, mean, variance = model.norm.momentum, np.zeros(3), np.ones(3)
    for part in (images[:4], images[4:]):
        mean += momentum * (part.mean(0) - mean)
        variance += momentum * (part.var(0, ddof=1) - variance)
    np.testing.assert_allclose(model.norm.moving_mean.asnumpy(), mean, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(averaged.norm.moving_variance.asnumpy(), variance, rtol=1e-4)
