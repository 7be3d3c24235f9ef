"""Tilt and perspective of pictures that were turned and warped by known amounts."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from shelfmind.analysis.measuring.angles import CLEAR, Directions, directions
from shelfmind.analysis.measuring.measures import ImageFeatures
from shelfmind.transforms.perspective import perspective_coefficients

SIDE = 320


def package(seed: int = 0) -> Image.Image:
    """Boxes and lines on a ground, as print is."""
    rng = np.random.default_rng(seed)
    image = Image.new("RGB", (SIDE, SIDE), (200, 180, 150))
    draw = ImageDraw.Draw(image)
    for _ in range(24):
        left, top = rng.integers(0, SIDE - 60, 2)
        wide, high = rng.integers(12, 60, 2)
        colour = tuple(rng.integers(0, 256, 3).tolist())
        draw.rectangle((int(left), int(top), int(left + wide), int(top + high)), fill=colour)
    return image


def middle(image: Image.Image) -> Image.Image:
    """What is left of a turned picture without its empty corners."""
    return image.crop((60, 60, SIDE - 60, SIDE - 60))


def seen(image: Image.Image) -> Directions:
    return directions(ImageFeatures(image).smooth)


def warped(corners: list[tuple[float, float]]) -> Image.Image:
    """The package with its corners moved there."""
    square = np.array([(0, 0), (SIDE, 0), (SIDE, SIDE), (0, SIDE)], float)
    coefficients = perspective_coefficients(np.array(corners), square)
    return package().transform((SIDE, SIDE), Image.Transform.PERSPECTIVE, coefficients, Image.Resampling.BICUBIC)


@pytest.mark.parametrize("clockwise", [-40, -20, -7, -2, 0, 3, 10, 25, 40])
def test_a_turned_package_is_measured_to_a_degree(clockwise: int) -> None:
    turned = middle(package().rotate(-clockwise, Image.Resampling.BICUBIC))
    assert seen(turned).tilt_deg == pytest.approx(clockwise, abs=1.5)


def test_a_straight_package_has_neither_tilt_nor_perspective() -> None:
    found = seen(package())
    assert abs(found.tilt_deg) < 1
    assert found.askew_deg < 2
    assert found.clear > 0.6


def test_a_turn_is_no_perspective() -> None:
    assert seen(middle(package().rotate(15, Image.Resampling.BICUBIC))).askew_deg < 3


def test_converging_lines_are_perspective_and_no_tilt() -> None:
    from_below = warped([(40, 0), (SIDE - 40, 0), (SIDE, SIDE), (0, SIDE)])
    found = seen(from_below)
    assert 6 < found.convergence_deg < 20  # the sides lean by 7 degrees each
    assert abs(found.tilt_deg) < 2
    assert found.skew_deg < 4


def test_a_sheared_package_is_skewed() -> None:
    sheared = warped([(30, 0), (SIDE + 30, 0), (SIDE - 30, SIDE), (-30, SIDE)])
    assert seen(sheared).skew_deg == pytest.approx(10.6, abs=3)


def test_where_there_are_no_lines_nothing_is_said() -> None:
    ball = Image.new("RGB", (SIDE, SIDE), "white")
    ImageDraw.Draw(ball).ellipse((40, 40, SIDE - 40, SIDE - 40), fill=(200, 60, 30))
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), np.uint8))
    for image in (ball, noise, Image.new("RGB", (SIDE, SIDE)), Image.new("RGB", (4, 700))):
        found = seen(image)
        assert found.clear < CLEAR
        assert (found.tilt_deg, found.askew_deg) == (0, 0)
