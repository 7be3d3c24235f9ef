"""Statistics of batch normalisation over photos, beside NumPy's."""

from __future__ import annotations

from typing import Any

import numpy as np

from shelfmind.recipe import load_recipe


def test_statistics_are_those_of_all_images_together(mindspore: Any) -> None:
    from mindspore import Tensor, nn

    from shelfmind.images.preparation import prepared
    from shelfmind.models import create_model
    from shelfmind.training.adaptation import statistics_of

    small = {"widths": [8], "depths": [1], "attention": "none"}
    settings = ["data.image_size=32", "data.resize_to=32", "data.evaluation_size=32", "evaluation.batch_size=4"]
    recipe = load_recipe("default", [*settings, f"model.arguments={small}"])
    network = create_model("shelfnet_s", 3, seed=1, **small)
    network.set_train(False)
    generator = np.random.default_rng(2)
    brightness = np.repeat([40, 120, 200], 4)  # batches differ much more than images within one
    squares = [generator.integers(0, level, (32, 32, 3), np.uint8) for level in brightness]
    norms = {name: cell for name, cell in network.cells_and_names() if isinstance(cell, nn.BatchNorm2d)}
    mean, variance = statistics_of(network, norms, iter(squares), recipe)["stem.0.norm"]
    reaching = network.stem[0].conv(Tensor(prepared(squares, recipe))).asnumpy().astype(np.float64)
    np.testing.assert_allclose(mean, reaching.mean((0, 2, 3)), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(variance, reaching.var((0, 2, 3)), rtol=2e-3)
