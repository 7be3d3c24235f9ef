"""Regions, dilation, blur and fingerprints' cosine transform are what SciPy has them to be."""

import numpy as np
import pytest
from scipy import ndimage
from scipy.fft import dctn

from shelfmind.images.fingerprints import _GRID, _waves
from shelfmind.images.regions import box_blurred, filled, labelled, spread

SHAPES = ((1, 1), (1, 30), (30, 1), (7, 9), (40, 96))


@pytest.mark.parametrize("shape", SHAPES)
def test_regions_are_those_of_scipy(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    for share in (0, 0.1, 0.4, 0.6, 0.9, 1):
        mask = rng.random(shape) < share
        numbers, count = labelled(mask)
        expected, expected_count = ndimage.label(mask)
        assert count == expected_count
        np.testing.assert_array_equal(numbers, expected)
        np.testing.assert_array_equal(filled(mask), ndimage.binary_fill_holes(mask))
        np.testing.assert_array_equal(spread(numbers, 2), ndimage.grey_dilation(expected, size=(5, 5)))


def test_a_ring_is_one_region_and_its_hole_is_filled() -> None:
    ring = np.zeros((9, 9), bool)
    ring[1:8, 1:8] = True
    ring[3:6, 3:6] = False
    assert labelled(ring)[1] == 1
    assert filled(ring).sum() == 49


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("axis", [0, 1])
def test_blurring_is_that_of_scipy(shape: tuple[int, int], axis: int) -> None:
    values = np.random.default_rng(1).integers(0, 256, shape).astype(np.float32)
    expected = ndimage.uniform_filter1d(values, 9, axis=axis)
    np.testing.assert_allclose(box_blurred(values, 9, axis), expected, atol=1e-4)


def test_the_lowest_waves_are_those_of_the_cosine_transform() -> None:
    planes = np.random.default_rng(2).normal(0, 50, (5, _GRID, _GRID)).astype(np.float32)
    waves = _waves(8)
    expected = dctn(planes, axes=(1, 2), norm="ortho")[:, :8, :8]
    np.testing.assert_allclose(waves @ planes @ waves.T, expected, atol=1e-3)
