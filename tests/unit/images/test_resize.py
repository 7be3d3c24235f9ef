"""Structure-retention resize loses nothing of the product, at any size."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from shelfmind.images.resize import fitted_size, shorter_side_crop, squash, structure_retention

FILL = (0, 0, 255)
sides = st.integers(1, 700)
squares = st.integers(16, 96)


@settings(max_examples=60, deadline=None)
@given(width=sides, height=sides, size=squares)
@example(width=1, height=1, size=64)
@example(width=1, height=5000, size=64)
@example(width=5000, height=1, size=64)
@example(width=64, height=64, size=64)
def test_the_product_fills_its_fitted_size_in_the_centre(width: int, height: int, size: int) -> None:
    result = structure_retention(Image.new("RGB", (width, height), (255, 0, 0)), size, FILL)
    assert result.shape == (size, size, 3)
    assert result.dtype == np.uint8
    product = (result == (255, 0, 0)).all(2)
    padding = (result == FILL).all(2)
    assert (product | padding).all()
    rows, columns = np.flatnonzero(product.any(1)), np.flatnonzero(product.any(0))
    shown = (columns[-1] - columns[0] + 1, rows[-1] - rows[0] + 1)
    assert product.sum() == shown[0] * shown[1]
    assert max(shown) == size
    exact = (width * size / max(width, height), height * size / max(width, height))
    for got, wanted in zip(shown, exact, strict=True):
        assert abs(got - max(1.0, wanted)) <= 0.5
    for along in (rows, columns):
        before, after = along[0], size - 1 - along[-1]
        assert 0 <= after - before <= 1


@settings(max_examples=40, deadline=None)
@given(width=st.integers(16, 200), height=st.integers(16, 200), size=st.integers(32, 96))
def test_all_four_borders_of_the_photo_are_in_the_result(width: int, height: int, size: int) -> None:
    pixels = np.full((height, width, 3), 128, np.uint8)
    pixels[0], pixels[-1] = (255, 0, 0), (0, 255, 0)
    pixels[1:-1, 0], pixels[1:-1, -1] = (255, 255, 0), (0, 255, 255)
    result = structure_retention(Image.fromarray(pixels), size, (128, 128, 128)).astype(int)
    shown_width, shown_height = fitted_size(width, height, size)
    left, top = (size - shown_width) // 2, (size - shown_height) // 2
    inside = result[top : top + shown_height, left : left + shown_width]
    assert (result == 128).all(2).sum() >= size * size - shown_width * shown_height
    middle_row, middle_column = inside[shown_height // 2], inside[:, shown_width // 2]
    assert middle_column[0, 0] > 128 > middle_column[0, 2]
    assert middle_column[-1, 1] > 128 > middle_column[-1, 2]
    assert middle_row[0, 0] > 128 > middle_row[0, 2]
    assert middle_row[-1, 2] > 128 > middle_row[-1, 0]


def test_a_photo_of_the_right_size_is_left_alone() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (40, 20, 3), dtype=np.uint8)
    result = structure_retention(Image.fromarray(pixels), 40, FILL)
    np.testing.assert_array_equal(result[:, 10:30], pixels)
    assert (result[:, :10] == FILL).all()
    assert (result[:, 30:] == FILL).all()


def bands(width: int, height: int) -> Image.Image:
    """Red, green and blue thirds along the longer side."""
    pixels = np.zeros((height, width, 3), np.uint8)
    for channel in range(3):
        start, stop = channel * max(width, height) // 3, (channel + 1) * max(width, height) // 3
        part = pixels[:, start:stop] if width > height else pixels[start:stop]
        part[..., channel] = 255
    return Image.fromarray(pixels)


@pytest.mark.parametrize(("width", "height"), [(90, 30), (30, 90)])
def test_the_crop_keeps_the_middle_and_squash_keeps_all(width: int, height: int) -> None:
    cropped = shorter_side_crop(bands(width, height), 48, FILL)
    assert (cropped[2:-2, 2:-2] == (0, 255, 0)).all()
    assert (cropped.argmax(2) == 1).all()  # Pillow blends the outermost pixels with what was cut off
    squashed = squash(bands(width, height), 48, FILL)
    along = squashed[24] if width > height else squashed[:, 24]
    assert [int(along[place].argmax()) for place in (4, 24, 43)] == [0, 1, 2]
    assert not (squashed == FILL).all()


@pytest.mark.parametrize(("width", "height"), [(5000, 1), (1, 5000), (1, 1)])
@pytest.mark.parametrize("resize", [squash, shorter_side_crop])
def test_the_rivals_take_extreme_photos(resize: object, width: int, height: int) -> None:
    result = resize(Image.new("RGB", (width, height), (9, 8, 7)), 32, FILL)  # type: ignore[operator]
    assert result.shape == (32, 32, 3)
    assert (result == (9, 8, 7)).all()
