"""Optimizers, clipping and loss scaling change exactly what their papers say, and nothing when gradients overflow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from shelfmind.choices import names_in
from shelfmind.recipe import LossRecipe, TrainRecipe

RATE, DECAY = 0.01, 0.1
NAMES = names_in("training.optimizer:OPTIMIZERS")
Take = Callable[[tuple[np.ndarray, np.ndarray]], float]


def take_steps(linear: Any, recipe: TrainRecipe, scaler: Any = None) -> tuple[Take, Any]:
    """A function that takes a step on a batch and returns the loss, and the optimizer."""
    from shelfmind.losses import build_loss
    from shelfmind.training.optimizer import build_optimizer
    from shelfmind.training.step import averages_of, build_step

    optimizer = build_optimizer(list(linear.model.trainable_params()), recipe)
    loss = build_loss(LossRecipe(label_smoothing=0), np.ones(3, np.int64))
    averages = averages_of(linear.model, linear.averaged)
    step = build_step(linear.model, averages, optimizer, loss, recipe.clip_norm, scaler)

    def take(batch: tuple[np.ndarray, np.ndarray]) -> float:
        images, targets = batch
        value = step(
            linear.tensor(images), linear.tensor(targets), linear.tensor(np.float32(0.9)), linear.tensor(np.float32(0))
        )
        return float(value.asnumpy())

    return take, optimizer


def test_adamw_equals_numpy_at_changing_rates(linear: Any, batches: list[Any]) -> None:
    """Loshchilov and Hutter, ICLR 2019, algorithm 2, with the decay times the rate as everybody has it."""
    from shelfmind.training.loop import set_learning_rate

    take, optimizer = take_steps(linear, TrainRecipe(optimizer="adamw", lr=RATE, weight_decay=DECAY))
    expected = list(linear.values())
    means, squares = [np.zeros_like(value) for value in expected], [np.zeros_like(value) for value in expected]
    for number, batch in enumerate(batches[:3], 1):
        rate = RATE / number
        set_learning_rate(optimizer, rate)
        for place, slope in enumerate(linear.slopes(*batch)):
            means[place] = 0.9 * means[place] + 0.1 * slope
            squares[place] = 0.999 * squares[place] + 0.001 * slope**2
            mean, square = means[place] / (1 - 0.9**number), squares[place] / (1 - 0.999**number)
            decay = DECAY if slope.ndim > 1 else 0.0
            expected[place] -= rate * (mean / (np.sqrt(square) + 1e-8) + decay * expected[place])
        take(batch)
        for value, wanted in zip(linear.values(), expected, strict=True):
            np.testing.assert_allclose(value, wanted, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("share", [0.25, 4.0])
def test_a_gradient_is_clipped_to_its_largest_norm(share: float, linear: Any, batches: list[Any]) -> None:
    slopes = linear.slopes(*batches[0])
    norm = float(np.sqrt(sum((slope**2).sum() for slope in slopes)))
    recipe = TrainRecipe(lr=RATE, momentum=0, weight_decay=0, clip_norm=share * norm)
    expected = [v - RATE * min(1, share) * slope for v, slope in zip(linear.values(), slopes, strict=True)]
    take_steps(linear, recipe)[0](batches[0])
    for value, wanted in zip(linear.values(), expected, strict=True):
        np.testing.assert_allclose(value, wanted, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_only_weights_of_two_or_more_dimensions_decay(name: str, mindspore: Any) -> None:
    from shelfmind.training.optimizer import build_optimizer

    shapes = [(4,), (2, 3, 1, 1), (4, 3), (3,), ()]
    parameters = [
        mindspore.Parameter(mindspore.Tensor(np.full(shape, 2, np.float32)), name=f"{name}.{place}")
        for place, shape in enumerate(shapes)
    ]
    optimizer = build_optimizer(parameters, TrainRecipe(optimizer=name, lr=RATE, weight_decay=DECAY, momentum=0))
    optimizer(tuple(mindspore.Tensor(np.zeros(shape, np.float32)) for shape in shapes))
    for parameter, shape in zip(parameters, shapes, strict=True):
        wanted = 2 * (1 - RATE * DECAY) if len(shape) > 1 else 2
        np.testing.assert_allclose(parameter.asnumpy(), np.full(shape, wanted), rtol=1e-6)


def test_scaling_cancels_out(linear: Any, batches: list[Any]) -> None:
    from shelfmind.training.step import LossScaler

    scaler = LossScaler()
    images, targets = batches[0]
    expected = [v - RATE * slope for v, slope in zip(linear.values(), linear.slopes(images, targets), strict=True)]
    logits = images @ linear.values()[0].T + linear.values()[1]
    likelihood = np.exp(logits)[targets == 1] / np.exp(logits).sum(1)
    take, _ = take_steps(linear, TrainRecipe(lr=RATE, momentum=0, weight_decay=0), scaler)
    assert float(scaler.scale_up(linear.tensor(np.float32(1))).asnumpy()) == 2.0**14
    assert take(batches[0]) == pytest.approx(-np.log(likelihood).mean(), rel=1e-4)
    for value, wanted in zip(linear.values(), expected, strict=True):
        np.testing.assert_allclose(value, wanted, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_a_gradient_that_overflows_changes_nothing_but_the_scale(name: str, linear: Any, batches: list[Any]) -> None:
    from shelfmind.training.step import LossScaler

    scaler = LossScaler(initial=1024, patience=2)
    recipe = TrainRecipe(optimizer=name, lr=RATE, weight_decay=DECAY, clip_norm=1)
    take, optimizer = take_steps(linear, recipe, scaler)

    def state() -> dict[str, np.ndarray]:
        parameters = [*linear.model.get_parameters(), *optimizer.get_parameters()]
        return {parameter.name: np.array(parameter.asnumpy()) for parameter in parameters}

    take(batches[0])
    before = state()
    assert float(scaler.scale.asnumpy()) == 1024
    images, targets = batches[1]
    take((np.where(images > 1, np.inf, images).astype(np.float32), targets))
    after = state()
    assert len(before) > 3
    for parameter, value in before.items():
        np.testing.assert_array_equal(after[parameter], value, err_msg=parameter)
    scales = [float(scaler.scale.asnumpy())]
    for batch in batches[1:5]:
        take(batch)
        scales.append(float(scaler.scale.asnumpy()))
    assert scales == [512, 512, 1024, 1024, 2048]
    assert all(np.isfinite(value).all() for value in state().values())
    assert not np.array_equal(state()["dense.weight"], before["dense.weight"])


def test_the_scale_stays_at_least_one(mindspore: Any) -> None:
    from shelfmind.training.step import LossScaler

    scaler = LossScaler(initial=1.5)
    for expected in (1.0, 1.0):
        assert not bool(scaler.adjust((mindspore.Tensor(np.array([1, np.nan], np.float32)),)).asnumpy())
        assert float(scaler.scale.asnumpy()) == expected
