"""What a network starts with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shelfmind.recipe import load_recipe

SMALL = ["model.arguments={widths: [8, 8, 8, 8], depths: [1, 1, 1, 1], attention: none, neck: true}"]


@pytest.mark.parametrize("part", ["classifier", "new_classifier"])
def test_a_new_classifier_is_not_that_of_the_initial_weights(part: str, mindspore: Any) -> None:
    """Even if these have one for as many classes; the neck before it continues from its weights."""
    from shelfmind.models.weights import Start
    from shelfmind.training.build import build_model, load_start

    recipe = load_recipe("default", [*SMALL, f"train.trainable={part}"])
    trained, random = build_model(recipe, 3, seed=1), build_model(recipe, 3, seed=2)
    arrays = {p.name: p.asnumpy().copy() + 1 for p in trained.get_parameters()}
    start = Start(Path("run"))
    vars(start)["content"] = arrays  # as if read
    started = build_model(recipe, 3, seed=2, start=start)
    for ours, theirs in zip(started.get_parameters(), random.get_parameters(), strict=True):
        kept = part == "new_classifier" and ours.name.startswith("head.classifier.")
        np.testing.assert_array_equal(ours.asnumpy(), theirs.asnumpy() if kept else arrays[ours.name])
    assert ("the classifier starts at random" in str(load_start(started, recipe, start))) == (part == "new_classifier")


def test_the_recipe_for_a_new_classifier_trains_at_one_size() -> None:
    recipe = load_recipe("methods/crt")
    assert (recipe.train.trainable, recipe.train.sampling) == ("new_classifier", "class")
    assert [stage.image_size for stage in recipe.stages] == [recipe.data.image_size]
