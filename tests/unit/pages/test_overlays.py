"""A map over a picture is bright where it is high, leaves the picture to be seen where it is low, and fits its size."""

from __future__ import annotations

import numpy as np
import pytest

from shelfmind.pages.overlays import STOPS, STRENGTH, overlay


@pytest.fixture
def picture() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)


def test_nothing_lies_over_the_picture_where_the_map_is_zero(picture: np.ndarray) -> None:
    result = np.asarray(overlay(picture, np.zeros((3, 5), np.float32)), np.float64)
    expected = picture.mean(2, keepdims=True) * 0.5 + picture * 0.5
    assert result.shape == picture.shape
    np.testing.assert_allclose(result, expected, atol=1)


def test_the_highest_value_has_the_brightest_colour(picture: np.ndarray) -> None:
    result = np.asarray(overlay(picture, np.ones((3, 5), np.float32)), np.float64)
    faded = picture.mean(2, keepdims=True) * 0.5 + picture * 0.5
    np.testing.assert_allclose(result, faded * (1 - STRENGTH) + STOPS[-1] * STRENGTH, atol=1)


def test_it_lies_where_the_map_has_it() -> None:
    grey = np.full((64, 64, 3), 60, np.uint8)
    saliency = np.zeros((4, 4), np.float32)
    saliency[0, 3] = 1
    brightness = np.asarray(overlay(grey, saliency), np.float64).sum(2)
    row, column = np.unravel_index(brightness.argmax(), brightness.shape)
    assert row < 16
    assert column >= 48
    assert brightness[48:, :16].max() == pytest.approx(180, abs=3)


def test_colours_get_brighter_from_step_to_step() -> None:
    """So that the map can be read in print and by the colour-blind."""
    lightness = STOPS @ np.array([0.2126, 0.7152, 0.0722])
    assert (np.diff(lightness) > 10).all()
