"""How a run goes on from imprinted weights."""

from __future__ import annotations

from pathlib import Path

import pytest

from shelfmind.recipe import load_recipe
from shelfmind.training.fold_in import EPOCHS, folding_recipe

START = Path("/runs/second/imprinted/weights.ckpt")


def test_all_classes_are_drawn_alike_at_a_small_rate_and_the_last_size() -> None:
    recipe = load_recipe("grocery_cpu", ["train.snapshots=3"])
    found = folding_recipe(recipe, None, START)
    assert found.model.weights == str(START)
    assert (found.train.epochs, found.train.sampling, found.train.keep) == (EPOCHS, "class", "last")
    assert found.train.lr < recipe.train.lr
    assert [stage.image_size for stage in found.stages] == [recipe.train.stages[-1].image_size]
    assert found.evaluation_size == recipe.evaluation_size
    assert (found.train.snapshots, found.train.trainable) == (0, "all")
    assert (found.augment, found.loss, found.train.ema_decay) == (recipe.augment, recipe.loss, recipe.train.ema_decay)
    assert folding_recipe(recipe, 3, START).train.epochs == 3


@pytest.mark.parametrize("method", ["class_balanced", "ldam_drw", "balanced_softmax"])
def test_a_loss_that_makes_up_for_rare_classes_keeps_the_runs_sampling(method: str) -> None:
    recipe = load_recipe(f"methods/{method}")
    assert folding_recipe(recipe, None, START).train.sampling == recipe.train.sampling
