"""Colour casts are gains of the channels, drawn as they say."""

from __future__ import annotations

import numpy as np
import pytest

from shelfmind.transforms.color_cast import random_color_cast


def test_each_channel_is_multiplied_by_one_gain() -> None:
    square = np.random.default_rng(0).integers(20, 120, (16, 16, 3), np.uint8)
    cast = random_color_cast(square, np.random.default_rng(1), deviation=0.2)
    gains = np.exp(np.random.default_rng(1).normal(0, 0.2, 3))
    assert len(set(gains.round(3))) == 3
    np.testing.assert_allclose(cast, square * gains, atol=0.5 + 1e-9)


def test_gains_have_the_deviation_asked_for() -> None:
    grey = np.full((1, 1, 3), 64, np.uint8)
    generator = np.random.default_rng(2)
    values = np.array([random_color_cast(grey, generator, deviation=0.1) for _ in range(2000)], np.float64)
    logarithms = np.log(values / 64)
    assert logarithms.std() == pytest.approx(0.1, rel=0.05)
    assert abs(logarithms.mean()) < 0.005


def test_bright_channels_stop_at_white_and_black_stays_black() -> None:
    square = np.array([[[255, 0, 255]]], np.uint8)
    generator = np.random.default_rng(3)
    cast = np.array([random_color_cast(square, generator, deviation=1.0)[0, 0] for _ in range(50)])
    assert (cast[:, 1] == 0).all()
    assert (cast[:, 0] == 255).any()
    assert (cast[:, 0] < 255).any()
