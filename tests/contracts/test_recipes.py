"""Every packaged recipe says what it is for, survives being written, and everything that it names can be built."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
import pytest
import yaml

from shelfmind.recipe import load_recipe, parse_recipe, recipe_names, recipe_text, require_trained_size

CLASSES = 5
NAMES = recipe_names()


@cache
def built(name: str, arguments: str) -> Any:
    """A model without weights, whose drawing takes longer than all the rest; recipes share it."""
    from mindspore.nn.utils import no_init_parameters

    from shelfmind.models import MODELS

    with no_init_parameters():
        return MODELS[name](num_classes=CLASSES, **yaml.safe_load(arguments))


@pytest.mark.parametrize("name", NAMES)
def test_it_is_described_and_survives_being_written(name: str) -> None:
    headline = recipe_text(name).splitlines()[0]
    assert headline.startswith("# ")
    assert len(headline.split()) > 3
    recipe = load_recipe(name)
    assert parse_recipe(yaml.safe_load(recipe.dump()), name) == recipe
    assert sum(stage.share for stage in recipe.stages) == pytest.approx(1)
    require_trained_size(recipe)


@pytest.mark.parametrize("name", NAMES)
def test_its_model_optimizer_loss_and_views_are_built(name: str, mindspore: Any) -> None:
    from shelfmind.inference.views import test_time_views
    from shelfmind.losses import build_loss
    from shelfmind.training.optimizer import build_optimizer

    recipe = load_recipe(name)
    model = built(recipe.model.name, yaml.safe_dump(recipe.model.arguments))
    parameters = list(model.trainable_params())
    assert any(parameter.ndim > 1 and parameter.shape[0] == CLASSES for parameter in parameters)
    assert [p.name for p in build_optimizer(parameters, recipe.train).parameters] == [p.name for p in parameters]
    targets = np.eye(CLASSES, dtype=np.float32)
    loss = build_loss(recipe.loss, np.ones(CLASSES, np.int64))(
        mindspore.Tensor(np.zeros_like(targets)),
        mindspore.Tensor(np.ones((CLASSES, 2), np.float32)),
        mindspore.Tensor(targets),
        mindspore.Tensor(np.float32(0)),
    )
    if recipe.loss.name == "cross_entropy":
        assert float(loss.asnumpy()) == pytest.approx(math.log(CLASSES), rel=1e-5)
    assert 0 < float(loss.asnumpy()) < math.inf
    assert len(test_time_views(recipe.evaluation.tta)) > len(recipe.evaluation.tta)


@pytest.mark.parametrize("name", NAMES)
def test_its_augmentations_give_every_stage_its_input(name: str, mindspore: Any) -> None:
    from shelfmind.transforms.augment import build_augmentations, input_operators

    recipe = load_recipe(name)
    square = np.random.default_rng(0).integers(0, 256, (recipe.data.resize_to, recipe.data.resize_to, 3), np.uint8)
    for size in {stage.image_size for stage in recipe.stages}:
        image: Any = square
        for operator in (
            *build_augmentations(recipe.augment, size, recipe.data).operators,
            *input_operators(recipe.data),
        ):
            image = operator(image)
        assert image.shape == (3, size, size)
        assert image.dtype == np.float32
        assert np.isfinite(image).all()
