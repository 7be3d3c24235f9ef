"""Statistics of batch normalisation over photos, beside NumPy's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from shelfmind.errors import UserError
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


@pytest.mark.parametrize(
    "arguments",
    [{"widths": [8], "neck": True}, {"widths": [8, 8, 8, 8], "attention": "bam"}],
    ids=["neck", "gate"],
)
def test_the_last_batch_is_never_a_single_image(arguments: dict[str, Any], mindspore: Any) -> None:
    """Where images are pooled to one pixel, a channel has one value an image, and one value has no variance."""
    from mindspore import nn

    from shelfmind.models import create_model
    from shelfmind.training.adaptation import statistics_of

    small = {"depths": [1] * len(arguments["widths"]), "attention": "none", **arguments}
    recipe = load_recipe("default", ["data.evaluation_size=32", "data.resize_to=32", "evaluation.batch_size=2"])
    network = create_model("shelfnet_s", 3, seed=1, **small)
    network.set_train(False)
    norms = {name: cell for name, cell in network.cells_and_names() if isinstance(cell, nn.BatchNorm2d)}
    squares = np.random.default_rng(2).integers(0, 255, (5, 32, 32, 3), np.uint8)
    found = statistics_of(network, norms, iter(squares), recipe)
    assert all(np.isfinite(each).all() for both in found.values() for each in both)


def test_statistics_that_are_not_numbers_are_refused(mindspore: Any) -> None:
    from shelfmind.training.adaptation import _require_finite

    fine = np.zeros(2), np.ones(2)
    _require_finite({"stem.0.norm": fine})
    for broken in ((np.zeros(2), np.array([1, np.nan])), (np.array([np.inf, 0]), np.ones(2))):
        with pytest.raises(UserError, match=r"the statistics of head\.neck are not finite"):
            _require_finite({"stem.0.norm": fine, "head.neck": broken})
