"""Which divisions of a batch among processes are possible, and what they must agree on."""

from __future__ import annotations

import pytest

from shelfmind.errors import UserError
from shelfmind.kernels.choice import Choice
from shelfmind.machine.distributed import World
from shelfmind.recipe import Recipe, TrainRecipe
from shelfmind.training import together


@pytest.mark.parametrize(
    ("processes", "images", "train", "said"),
    [
        (1, 3, {"batch_size": 5}, None),
        (2, 100, {"batch_size": 8}, None),
        (3, 100, {"batch_size": 32}, "train.batch_size=33"),
        (4, 7, {"batch_size": 8}, "7 training images are too few for 4 processes"),
        (8, 100, {"batch_size": 8}, "needs at least 2 images of a batch of 8"),
        (
            2,
            100,
            {"batch_size": 8, "images_per_class": 8},
            "train.images_per_class must divide the part of a batch of each of 2 processes, 4, got 8",
        ),
        (2, 100, {"batch_size": 16, "micro_batch_size": 4}, None),
    ],
)
def test_every_process_has_the_same_number_of_images(
    monkeypatch: pytest.MonkeyPatch, processes: int, images: int, train: dict[str, int], said: str | None
) -> None:
    monkeypatch.setattr(together, "world", lambda: World(0, processes))
    recipe = Recipe(train=TrainRecipe(**train))
    if said is None:
        together.require_equal_parts(recipe, images)
        return
    with pytest.raises(UserError, match=said):
        together.require_equal_parts(recipe, images)


def test_kernels_are_among_the_facts_that_must_be_equal() -> None:
    kernels = [
        Choice("mindspore", "fp32"),
        Choice("onednn", "fp32", "3.2.0"),
        Choice("onednn", "bf16", "3.2.0"),
        Choice("onednn", "bf16", "3.10.1"),
    ]
    facts = [together.facts_of_start(Recipe(), 3, "a1", each) for each in kernels]
    assert {name for each in facts for name, text in each.items() if text != facts[0][name]} == {"kernels"}
    assert len({each["kernels"] for each in facts}) == 4
    assert facts[1] == together.facts_of_start(Recipe(), 3, "a1", Choice("onednn", "fp32", "3.2.0", note="slow"))
