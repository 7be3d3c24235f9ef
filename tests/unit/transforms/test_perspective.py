"""A perspective moves the corners where it says, and keeps the size."""

from __future__ import annotations

import numpy as np

from shelfmind.transforms.perspective import perspective_coefficients, random_perspective

SQUARE = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)


def test_coefficients_map_the_corners() -> None:
    places = np.array([[3.0, 2], [28, 5], [30, 29], [1, 31]])
    sources = np.array([[0.0, 0], [32, 0], [32, 32], [0, 32]])
    a, b, c, d, e, f, g, h = perspective_coefficients(places, sources)
    for (x, y), source in zip(places, sources, strict=True):
        below = g * x + h * y + 1
        np.testing.assert_allclose([(a * x + b * y + c) / below, (d * x + e * y + f) / below], source, atol=1e-9)


def test_it_changes_squares_with_its_probability() -> None:
    generator = np.random.default_rng(1)
    results = [random_perspective(SQUARE, generator, probability=0.5) for _ in range(200)]
    assert all(result.shape == SQUARE.shape and result.dtype == np.uint8 for result in results)
    assert 70 < sum(not np.array_equal(result, SQUARE) for result in results) < 130
    again = random_perspective(SQUARE, np.random.default_rng(5), probability=1)
    np.testing.assert_array_equal(again, random_perspective(SQUARE, np.random.default_rng(5), probability=1))


def test_what_comes_from_outside_has_the_padding_colour() -> None:
    white = np.full((32, 32, 3), 255, np.uint8)
    warped = random_perspective(white, np.random.default_rng(0), strength=0.9, probability=1, fill=(9, 8, 7))
    assert (warped == (9, 8, 7)).all(2).any()
    assert (warped == 255).all(2).any()
