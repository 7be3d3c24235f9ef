"""Mixed targets say exactly what the mixed images hold."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shelfmind.recipe import MixingRecipe
from shelfmind.transforms.mixing import cutmix, mix_batch, mixup, one_hot


def batch(count: int = 6, height: int = 12, width: int = 20) -> tuple[np.ndarray, np.ndarray]:
    """Image n is n everywhere and its class is n, so that an image says what it was mixed of."""
    images = np.broadcast_to(np.arange(count, dtype=np.float32)[:, None, None, None], (count, 3, height, width)).copy()
    return images, one_hot(np.arange(count), count)


def test_one_hot() -> None:
    np.testing.assert_array_equal(one_hot(np.array([2, 0]), 3), [[0, 0, 1], [1, 0, 0]])
    assert one_hot(np.array([0]), 2).dtype == np.float32


@settings(max_examples=50, deadline=None)
@given(amount=st.floats(0, 1), seed=st.integers(0, 1000))
def test_mixup_mixes_images_and_targets_alike(amount: float, seed: int) -> None:
    images, targets = batch()
    partner = np.random.default_rng(seed).permutation(6)
    mixed, soft = mixup(images, targets, partner, amount)
    assert mixed.dtype == soft.dtype == np.float32
    np.testing.assert_allclose(soft.sum(1), 1, atol=1e-6)
    np.testing.assert_allclose(soft @ np.arange(6, dtype=np.float32), mixed[:, 0, 0, 0], atol=1e-5)
    np.testing.assert_allclose(mixed[:, 0, 0, 0], amount * np.arange(6) + (1 - amount) * partner, atol=1e-5)


@settings(max_examples=100, deadline=None)
@given(amount=st.floats(0, 1), seed=st.integers(0, 1000))
def test_cutmix_targets_are_the_exact_shares_of_the_area(amount: float, seed: int) -> None:
    images, targets = batch()
    before = images.copy()
    generator = np.random.default_rng(seed)
    partner = generator.permutation(6)
    mixed, soft = cutmix(images, targets, partner, amount, generator)
    assert soft.dtype == np.float32
    np.testing.assert_array_equal(images, before)
    np.testing.assert_allclose(soft.sum(1), 1, atol=1e-6)
    for row in range(6):
        for label in range(6):
            assert soft[row, label] == pytest.approx((mixed[row, 0] == label).mean(), abs=1e-6)
    changed = (mixed != before).mean((1, 2, 3))
    assert (changed <= 1 - amount + 1e-6).all()


def test_cutmix_covers_a_box_in_every_channel() -> None:
    images, targets = batch(2, 16, 16)
    generator = np.random.default_rng(5)
    mixed, _ = cutmix(images, targets, np.array([1, 0]), 0.75, generator)
    changed = mixed[0] == 1
    assert 0 < changed[0].sum() <= 64
    assert (changed == changed[0]).all()
    rows, columns = np.flatnonzero(changed[0].any(1)), np.flatnonzero(changed[0].any(0))
    assert changed[0].sum() == len(rows) * len(columns)


@pytest.mark.parametrize("recipe", [MixingRecipe(mixup=1), MixingRecipe(cutmix=1), MixingRecipe(mixup=0.5, cutmix=0.5)])
def test_the_generator_decides_everything(recipe: MixingRecipe) -> None:
    images, targets = batch()
    one, two, other = (mix_batch(images, targets, recipe, np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one[0], two[0])
    np.testing.assert_array_equal(one[1], two[1])
    assert not np.array_equal(one[0], other[0])


def test_the_shares_decide_how_often_a_batch_is_mixed() -> None:
    images, targets = batch()
    generator = np.random.default_rng(0)
    kinds = {"plain": 0, "mixup": 0, "cutmix": 0}
    for _ in range(600):
        mixed, _ = mix_batch(images, targets, MixingRecipe(mixup=0.3, cutmix=0.2, mixup_alpha=5), generator)
        whole = mixed.min((1, 2, 3)) == mixed.max((1, 2, 3))
        kinds["plain" if np.array_equal(mixed, images) else "mixup" if whole.all() else "cutmix"] += 1
    assert 0.24 < kinds["mixup"] / 600 < 0.36
    assert 0.1 < kinds["cutmix"] / 600 < 0.26
    assert kinds["plain"] > 250


def test_without_shares_nothing_is_mixed() -> None:
    images, targets = batch()
    mixed, soft = mix_batch(images, targets, MixingRecipe(), np.random.default_rng(0))
    assert mixed is images
    assert soft is targets
