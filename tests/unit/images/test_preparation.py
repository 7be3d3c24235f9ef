"""The input that a network is asked with is to the bit the input that it was trained with, made without MindSpore."""

from typing import Any

import numpy as np
import pytest

from shelfmind.images.preparation import Normalisation
from shelfmind.images.rescaling import rescaled
from shelfmind.recipe import DataRecipe

SIDES = (33, 96, 128, 224)
SIZES = (16, 17, 32, 48, 56, 64, 80, 97, 112, 128, 150, 160, 192, 256, 299)


def make_square(side: int) -> np.ndarray:
    """Noise on a slope: values near 0 and 255, edges and flat parts."""
    generator = np.random.default_rng(side)
    slope = np.linspace(-60, 315, side)[:, None, None] + generator.normal(0, 40, (side, side, 3))
    image = np.clip(slope, 0, 255).astype(np.uint8)
    image[: side // 4, : side // 4] = 200
    return image


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("size", SIZES)
def test_squares_are_rescaled_as_mindspore_does(side: int, size: int, mindspore: Any) -> None:
    from shelfmind.transforms.augment import resized_to

    image = make_square(side)
    expected = image if size == side else resized_to(size, DataRecipe(resize_to=side))(image)
    np.testing.assert_array_equal(rescaled(image, size), expected)


def test_every_value_is_normalised_as_mindspore_does(mindspore: Any) -> None:
    from shelfmind.transforms.augment import input_operators

    data = DataRecipe()
    expected = np.arange(256, dtype=np.uint8)[:, None, None].repeat(256, axis=1).repeat(3, axis=2)
    made = Normalisation(data)(expected[None])[0]
    for operator in input_operators(data):
        expected = operator(expected)
    np.testing.assert_array_equal(made, expected)


def test_preparation_normalises_by_mean_and_deviation() -> None:
    data = DataRecipe()
    squares = np.stack([make_square(64), make_square(64)[::-1]])
    expected = ((squares / 255 - data.mean) / data.std).transpose(0, 3, 1, 2)
    np.testing.assert_allclose(Normalisation(data)(squares), expected, rtol=1e-5, atol=1e-5)


def test_a_flat_square_stays_flat() -> None:
    flat = np.full((50, 50, 3), (3, 128, 255), np.uint8)
    for size in (16, 25, 49, 51, 100):
        assert (rescaled(flat, size) == flat[:1, :1]).all()
