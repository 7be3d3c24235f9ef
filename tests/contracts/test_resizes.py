"""Every resize of the table turns any photo into a square that depends on nothing but the photo."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from shelfmind.images.resize import RESIZES

COLOUR, FILL = (200, 30, 90), (1, 2, 3)
NAMES = sorted(RESIZES)
sides = st.integers(1, 300)
sizes = st.integers(16, 96)


def any_photo(test: Callable[..., None]) -> Callable[..., None]:
    """Run a test on photos of many shapes, the most extreme ones always among them, and squares of many sizes."""
    for width, height in ((5000, 1), (1, 5000), (1, 1)):
        test = example(width=width, height=height, size=64)(test)
    return settings(max_examples=50, deadline=None)(given(width=sides, height=sides, size=sizes)(test))


@pytest.mark.parametrize("name", NAMES)
@any_photo
@example(width=64, height=64, size=64)
def test_any_photo_becomes_the_same_square_again(name: str, width: int, height: int, size: int) -> None:
    pixels = np.random.default_rng((width, height)).integers(0, 256, (height, width, 3), np.uint8)
    photo = Image.fromarray(pixels)
    square, again = RESIZES[name](photo, size, FILL), RESIZES[name](Image.fromarray(pixels), size, FILL)
    assert square.shape == (size, size, 3)
    assert square.dtype == np.uint8
    np.testing.assert_array_equal(square, again)
    np.testing.assert_array_equal(np.asarray(photo), pixels)


@pytest.mark.parametrize("name", NAMES)
@any_photo
def test_a_photo_of_one_colour_keeps_it(name: str, width: int, height: int, size: int) -> None:
    square = RESIZES[name](Image.new("RGB", (width, height), COLOUR), size, FILL)
    own, padding = (square == COLOUR).all(2), (square == FILL).all(2)
    assert (own | padding).all()
    assert own.any()
    if width == height:
        assert own.all()
