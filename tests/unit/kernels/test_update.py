"""The update in one operator does what optimizer and averaging do one after another, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from shelfmind.recipe import LossRecipe, TrainRecipe

Values = dict[str, npt.NDArray[np.float32]]


@pytest.fixture(scope="module")
def train(library: Any, mindspore: Any) -> Callable[..., Values]:
    """Trains a small network for three steps; gives all that changed, by name."""
    from mindspore import Tensor, nn

    from shelfmind.kernels.channels_last import OneDnnKernels
    from shelfmind.losses import build_loss
    from shelfmind.training.optimizer import build_optimizer
    from shelfmind.training.step import averages_of, build_step

    kernels = OneDnnKernels(library)

    class Small(nn.Cell):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            generator = np.random.default_rng(0)
            self.conv = kernels.convolution(3, 8, 3, of_images=True)
            self.norm, self.mean = kernels.norm(8, activate=True), kernels.embedding()
            self.dense = nn.Dense(8, 3, bias_init="zeros")
            for parameter in (self.conv.weight, self.dense.weight):
                values = generator.normal(0, 0.3, parameter.shape)
                parameter.set_data(Tensor(values.astype(np.float32)))

        def construct(self, images: Any) -> Any:
            embedding = self.mean(self.norm(self.conv(images)))
            return self.dense(embedding), embedding

    def run(fused: bool, frozen: bool, clip_norm: float | None, micro_batch_size: int | None) -> Values:
        model, averaged = Small().set_train(), Small()
        averaged.update_parameters_name("averaged.")
        model.conv.weight.requires_grad = not frozen
        optimizer = build_optimizer(list(model.trainable_params()), TrainRecipe(lr=0.1, weight_decay=0.05))
        loss = build_loss(LossRecipe(label_smoothing=0), np.ones(3, np.int64))
        averages = averages_of(model, averaged)
        step = build_step(model, averages, optimizer, loss, clip_norm, None, micro_batch_size, fused)
        generator = np.random.default_rng(1)
        for rate in (0.1, 0.2, 0.05):
            optimizer.learning_rate.set_data(Tensor(np.float32(rate)))
            images = Tensor(generator.normal(size=(6, 3, 8, 8)).astype(np.float32))
            targets = Tensor(np.eye(3, dtype=np.float32)[generator.integers(3, size=6)])
            step(images, targets, Tensor(np.float32(0.7)), Tensor(np.float32(0)))
        found = [*model.get_parameters(), *averaged.get_parameters(), *optimizer.get_parameters()]
        return {parameter.name: parameter.asnumpy() for parameter in found}

    return run


@pytest.mark.parametrize(
    ("frozen", "clip_norm", "micro_batch_size"), [(False, None, None), (True, 0.05, None), (False, None, 3)]
)
def test_at_once_as_one_after_another(
    frozen: bool, clip_norm: float | None, micro_batch_size: int | None, train: Callable[..., Values]
) -> None:
    expected = train(False, frozen, clip_norm, micro_batch_size)
    found = train(True, frozen, clip_norm, micro_batch_size)
    assert set(found) == set(expected)
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-5, atol=1e-7, err_msg=name)
    changed = [name for name in found if name.startswith("averaged.") and "gamma" not in name]
    assert all(np.any(found[name] != found[name.removeprefix("averaged.")]) for name in changed if "conv" not in name)


def test_to_the_bit_again(train: Callable[..., Values]) -> None:
    first, second = train(True, False, None, None), train(True, False, None, None)
    assert all(np.array_equal(values, second[name]) for name, values in first.items())
