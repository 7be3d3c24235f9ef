"""What numbers become as 8-bit integers: ranges that clip what is rare, weights that make up for each other."""

from __future__ import annotations

import numpy as np
import pytest

from shelfmind.exporting.activation_ranges import BINS, least_error_range
from shelfmind.exporting.weight_rounding import _factor_of_inverse, rounded


@pytest.mark.parametrize("low", [0.0, -60.0])
def test_what_is_rare_does_not_make_the_step(low):
    edges = np.linspace(low, 60.0, BINS + 1)
    centres = (edges[1:] + edges[:-1]) / 2
    counts = (1e7 * np.exp(-np.abs(centres))).astype(np.int64)
    counts[-1] = 1
    found = least_error_range(counts, low, 60.0)
    assert low / 2 <= found[0] <= 0 < found[1] < 60 / 2

    def error(least, greatest):
        step = (greatest - least) / 255
        zero = np.round(-least / step)
        return (((np.clip(np.round(centres / step) + zero, 0, 255) - zero) * step - centres) ** 2 * counts).sum()

    assert error(*found) < error(low, 60.0) / 3


def test_a_tensor_that_is_always_zero_has_a_range():
    low, high = least_error_range(np.zeros(BINS, np.int64), 0.0, 0.0)
    assert low == 0 <= high


def test_weights_make_up_for_each_other_where_inputs_go_together():
    random = np.random.default_rng(1)
    inputs = random.normal(size=(4000, 6)) @ random.normal(size=(6, 48)) + 0.1 * random.normal(size=(4000, 48))
    weights = random.normal(size=(8, 48))
    scales = np.abs(weights).max(axis=1) / 127
    integers = rounded(weights, scales, inputs.T @ inputs)
    nearest = np.round(weights / scales[:, None])
    errors = [((inputs @ (each * scales[:, None] - weights).T) ** 2).mean() for each in (integers, nearest)]
    assert errors[0] < errors[1] / 4
    assert np.abs(integers).max() <= 127


def test_weights_of_inputs_that_know_nothing_of_each_other_become_the_nearest_integers():
    random = np.random.default_rng(2)
    weights = random.normal(size=(4, 200))
    scales = np.abs(weights).max(axis=1) / 127
    assert np.array_equal(rounded(weights, scales, np.eye(200)), np.round(weights / scales[:, None]))


def test_the_factor_is_that_of_the_inverse():
    matrix = np.cov(np.random.default_rng(3).normal(size=(7, 50)))
    upper = _factor_of_inverse(matrix)
    assert np.array_equal(upper, np.triu(upper))
    assert np.allclose(upper.T @ upper, np.linalg.inv(matrix))
