"""Random Erasing changes rectangles of the papers' sizes and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from shelfmind.transforms.erasing import random_erasing

IMAGES = np.full((200, 3, 40, 60), 7, np.float32)


def erased(probability: float = 1.0, noise: bool = True, seed: int = 0) -> np.ndarray:
    return random_erasing(IMAGES, np.random.default_rng(seed), probability, (0.1, 0.3), (0.5, 2.0), noise)


def test_rectangles_have_the_sizes_asked_for() -> None:
    changed = erased(noise=False) == 0
    assert (changed == changed[:, :1]).all()  # all channels alike
    for image in changed[:, 0]:
        rows, columns = np.flatnonzero(image.any(1)), np.flatnonzero(image.any(0))
        assert image.sum() == len(rows) * len(columns)
        assert 0.08 < image.mean() < 0.33
        assert 0.45 < len(rows) / len(columns) < 2.2


def test_probability_noise_and_seed() -> None:
    share = (erased(0.3) != IMAGES).any((1, 2, 3)).mean()
    assert 0.2 < share < 0.4
    values = erased()[erased() != 7]
    assert abs(values.mean()) < 0.02
    assert values.std() == pytest.approx(1, abs=0.02)
    np.testing.assert_array_equal(erased(seed=3), erased(seed=3))
    assert not np.array_equal(erased(seed=3), erased(seed=4))
    assert (IMAGES == 7).all()


def test_nothing_is_erased_where_nothing_fits() -> None:
    tiny = np.zeros((4, 3, 1, 1), np.float32)
    np.testing.assert_array_equal(random_erasing(tiny, np.random.default_rng(0), 1.0), tiny)
