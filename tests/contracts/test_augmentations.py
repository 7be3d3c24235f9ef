"""Every augmentation of the table, alone and in a chain, gives 8-bit squares of the training's size."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from shelfmind.choices import names_in
from shelfmind.errors import UserError
from shelfmind.policies import POLICIES
from shelfmind.recipe import DataRecipe, Recipe, parse_recipe

NAMES = list(names_in("transforms.augment:AUGMENTATIONS"))
WORKED_ON_WHOLE, SHRUNK_FIRST = 56, 96
"""Sizes of squares below and above the working scale of a training at 48 pixels."""


def augmented(names: list[str], resize_to: int, size: int = 48) -> np.ndarray:
    """A random square after the chain of these operators, each with its defaults."""
    from shelfmind.transforms.augment import build_augmentations

    image = np.random.default_rng(0).integers(0, 256, (resize_to, resize_to, 3), np.uint8)
    for operator in build_augmentations(
        [(name, {}) for name in names], size, DataRecipe(resize_to=resize_to)
    ).operators:
        image = operator(image)
    return image


def test_the_sizes_lie_on_either_side_of_the_working_scale(mindspore: Any) -> None:
    from shelfmind.transforms.augment import WORKING_SCALE

    assert WORKED_ON_WHOLE <= 48 * WORKING_SCALE < SHRUNK_FIRST


@pytest.mark.parametrize("name", NAMES)
def test_each_operator_alone(name: str, mindspore: Any) -> None:
    image = augmented([name], WORKED_ON_WHOLE)
    assert image.shape == (48, 48, 3)
    assert image.dtype == np.uint8


@pytest.mark.parametrize("name", names_in("transforms.augment:FIRST"))
def test_what_comes_first_gives_squares_again(name: str, mindspore: Any) -> None:
    from shelfmind.transforms.augment import build_augmentations

    square = np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8)
    (change,) = build_augmentations([(name, {})], 48, DataRecipe()).squares
    changed = [change(square, generator=np.random.default_rng(seed)) for seed in (*range(9), 8)]
    assert {(each.shape, str(each.dtype)) for each in changed} == {((40, 40, 3), "uint8")}
    assert any(not np.array_equal(each, square) for each in changed)
    np.testing.assert_array_equal(changed[-1], changed[-2])


@pytest.mark.parametrize("name", names_in("transforms.augment:LAST"))
def test_what_comes_last_gives_network_input_again(name: str, mindspore: Any) -> None:
    from shelfmind.transforms.augment import build_augmentations

    images = np.random.default_rng(0).normal(size=(8, 3, 20, 20)).astype(np.float32)
    before = images.copy()
    (change,) = build_augmentations([(name, {})], 48, DataRecipe()).batches
    changed, again = (change(images, np.random.default_rng(1)) for _ in range(2))
    assert (changed.shape, changed.dtype) == (images.shape, np.float32)
    assert np.isfinite(changed).all()
    assert not np.array_equal(changed, images)
    np.testing.assert_array_equal(changed, again)
    np.testing.assert_array_equal(images, before)


@pytest.mark.parametrize("resize_to", [32, 48, WORKED_ON_WHOLE, SHRUNK_FIRST])
@pytest.mark.parametrize("names", [[], ["horizontal_flip"], NAMES], ids=["none", "without a crop", "all"])
def test_a_chain_ends_at_the_training_size(names: list[str], resize_to: int, mindspore: Any) -> None:
    image = augmented(names, resize_to)
    assert image.shape == (48, 48, 3)
    assert image.dtype == np.uint8


@pytest.mark.parametrize(
    ("name", "parameters", "said"),
    [
        ("horizontal_flop", {}, "unknown augmentation 'horizontal_flop'; did you mean horizontal_flip"),
        ("cutout", {"lenght": 3}, "augmentation cutout: .*'lenght'"),
        ("cutout", {"length": 0}, "augmentation cutout: "),
        ("cutout", {"size": 8}, "augmentation cutout: .*'size'"),
        ("cutout", {"length": 14, "share": 0.5}, r"augmentation cutout: length .* and share .* exclude each other"),
        ("cutout", {"share": 0}, "augmentation cutout: share must be a number in \\(0, 1\\], .* got 0"),
        ("cutout", {"share": 1.5}, "augmentation cutout: share must be a number .* got 1.5"),
        ("cutout", {"share": "1/8"}, "augmentation cutout: share must be a number .* got '1/8'"),
        ("random_resized_crop", {"scale": 0.5}, "augmentation random_resized_crop: "),
        ("horizontal_flip", {"probability": 2}, "augmentation horizontal_flip: .*prob"),
        ("auto_augment", {"policy": "imagenot"}, "augmentation auto_augment: policy must be one of imagenet"),
        ("rand_augment", {"magnitude": 40}, "augmentation rand_augment: "),
        ("random_erasing", {"scale": 0.5}, "augmentation random_erasing: scale must be a range"),
        ("random_erasing", {"probability": 2}, "augmentation random_erasing: probability must lie"),
        ("random_erasing", {"scales": 2}, "augmentation random_erasing: .*'scales'"),
        ("random_color_cast", {"deviation": 0}, "augmentation random_color_cast: deviation must be greater than 0"),
        ("random_perspective", {"strength": 1}, "augmentation random_perspective: strength must lie"),
    ],
)
def test_mistakes_are_named(name: str, parameters: dict[str, Any], said: str, mindspore: Any) -> None:
    from shelfmind.transforms.augment import build_augmentations

    with pytest.raises(UserError, match=said) as caught:
        build_augmentations([(name, parameters)], 48, DataRecipe())
    assert len(str(caught.value).splitlines()) == 1


def test_input_equals_numpy(mindspore: Any) -> None:
    from shelfmind.transforms.augment import input_operators

    data = DataRecipe(mean=(0.5, 0.4, 0.3), std=(0.1, 0.2, 0.4))
    image = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    result: Any = image
    for operator in input_operators(data):
        result = operator(result)
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, ((image / 255 - data.mean) / data.std).transpose(2, 0, 1), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("names", [["horizontal_flip", "random_perspective"], ["random_erasing", "cutout"]])
def test_what_comes_first_and_last_stays_there(names: list[str], mindspore: Any) -> None:
    from shelfmind.transforms.augment import build_augmentations

    with pytest.raises(
        UserError,
        match="random_perspective, random_color_cast must come before all other operators, random_erasing after",
    ):
        build_augmentations([(name, {}) for name in names], 48, DataRecipe())


@pytest.mark.parametrize("name", sorted(POLICIES))
def test_every_policy_can_be_built(name: str, mindspore: Any) -> None:
    from shelfmind.transforms.augment import build_augmentations

    recipe = Recipe(augment=name)
    chosen = build_augmentations(recipe.augment, 48, recipe.data)
    assert len(chosen.squares) + len(chosen.batches) + len(chosen.operators) >= len(POLICIES[name])


def test_an_unknown_policy_is_named() -> None:
    with pytest.raises(UserError, match="unknown augmentation policy 'trivail'; did you mean trivial"):
        parse_recipe({"augment": "trivail"}, "mine")


@pytest.mark.parametrize(
    ("parameters", "size", "side"),
    [
        ({"length": 8}, 48, 8),
        ({}, 48, 14),
        ({"share": 1 / 8}, 224, 28),  # the contest solution's, at its own size
        ({"share": 1 / 8}, 48, 6),
        ({"share": 1 / 8}, 32, 4),  # the same share at the small sizes of a training that grows
        ({"share": 1 / 32}, 80, 3),
        ({"share": 0.001}, 32, 1),
    ],
)
def test_cutout_is_black_and_as_large_as_said(parameters: dict[str, Any], size: int, side: int, mindspore: Any) -> None:
    """As the documentation says: the 8-bit image is cut, where 0 is black, not the data's mean colour."""
    from shelfmind.transforms.augment import build_augmentations

    mindspore.dataset.config.set_seed(5489)  # MindSpore's default; with another one, all calls draw the same
    image = np.full((size, size, 3), 200, np.uint8)
    (_, cut) = build_augmentations([("cutout", parameters)], size, DataRecipe(resize_to=size)).operators
    drawn = [cut(image) for _ in range(40)]
    assert max(int((each == 0).all(2).sum()) for each in drawn) == side**2  # less at the border, nothing beyond it
    assert {int(value) for value in np.unique(drawn)} == {0, 200}
