"""Long tail, splits, and proportions."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shelfmind.shelf_generator.plan import DataSetPlan, make_plan
from shelfmind.shelf_generator.proportions import SHARES, bucket_of, ratio_at, spread_rank
from shelfmind.shelf_generator.settings import make_settings
from shelfmind.shelf_generator.sizes import split_of_each, tail_sizes

RP2K_TRAIN, RP2K_TEST, RP2K_OTHERS, RP2K_CLASSES = 344_854, 39_457, 9_600, 2_388
OTHERS_TEST = 1_098  # as many for its size as the other classes have


def test_at_rp2ks_size_the_tail_is_rp2ks() -> None:
    """Largest about 3,700 training images, most under 200; 335 classes with one test image, the median 5."""
    sizes = tail_sizes(RP2K_CLASSES - 1, RP2K_TRAIN + RP2K_TEST - RP2K_OTHERS - OTHERS_TEST, 1.0, 2)
    counts = make_settings({"classes": 2388, "images": 400_000})
    split = split_of_each(sizes, counts)
    owner = np.repeat(np.arange(len(sizes)), sizes)
    train = np.bincount(owner[split == "train"])
    test = np.bincount(owner[split == "test"])
    assert train.max() == pytest.approx(3_700, rel=0.05)
    assert (train < 200).mean() > 0.75
    assert test.sum() == pytest.approx(RP2K_TEST - OTHERS_TEST, rel=0.02)
    assert (test == 1).sum() == pytest.approx(335, rel=0.1)
    assert np.median(test) == pytest.approx(5, abs=2)


@settings(deadline=None)
@given(classes=st.integers(2, 200), spare=st.integers(0, 5000), tail=st.floats(0, 1.5), least=st.integers(1, 3))
def test_sizes_fall_add_up_and_keep_the_least(classes: int, spare: int, tail: float, least: int) -> None:
    sizes = tail_sizes(classes, least * classes + spare, tail, least)
    assert len(sizes) == classes
    assert sizes.sum() == least * classes + spare
    assert sizes.min() >= least
    assert (np.diff(sizes) <= 0).all()


def test_without_a_tail_classes_are_equal_and_it_grows_with_its_setting() -> None:
    spreads = [np.ptp(tail_sizes(50, 5000, tail, 2)) for tail in (0.0, 0.3, 0.6, 1.0)]
    assert spreads[0] == 0
    assert spreads == sorted(set(spreads))


@given(
    counts=st.lists(st.integers(3, 400), min_size=1, max_size=8),
    test_fraction=st.floats(0.01, 0.9),
    val_fraction=st.floats(0.01, 0.5),
)
def test_every_class_is_in_every_split(counts: list[int], test_fraction: float, val_fraction: float) -> None:
    made = make_settings({"test_fraction": test_fraction, "val_fraction": val_fraction})
    split = split_of_each(np.array(counts), made)
    for part in np.split(split, np.cumsum(counts)[:-1]):
        of_class = Counter(part.tolist())
        assert set(of_class) == {"train", "val", "test"}
        if test_fraction + val_fraction < 0.9 and len(part) > 30:
            assert of_class["test"] / len(part) == pytest.approx(max(test_fraction, 1 / len(part)), abs=0.02)


def test_no_test_split_where_none_is_wanted() -> None:
    assert set(split_of_each(np.array([5, 9]), make_settings({"test_fraction": 0}))) == {"train"}


@pytest.mark.parametrize(
    ("classes", "images", "tolerance"), [(2388, 100_000, 0.03), (200, 5000, 0.05), (60, 1500, 0.08)]
)
def test_the_proportions_of_the_photos_products_follow_rp2k(classes: int, images: int, tolerance: float) -> None:
    """Half the summed difference of the ten shares (the total variation) stays under the tolerance."""
    plan = make_plan(make_settings({"classes": classes, "images": images}))
    assert _variation(plan) < tolerance


def _variation(plan: DataSetPlan) -> float:
    ratios = np.array([design.ratio for design in plan.products])
    weights = np.bincount(plan.given)[: len(ratios)]
    shares = np.bincount(bucket_of(ratios), weights, len(SHARES)) / weights.sum()
    return float(np.abs(shares - SHARES).sum() / 2)


def test_ranks_and_proportions_fit_together() -> None:
    assert ratio_at(0.0) < ratio_at(0.5) < ratio_at(1.0) <= 5
    drawn = [ratio_at(spread_rank(number, 0.3)) for number in range(4096)]
    shares = np.bincount(bucket_of(drawn), minlength=10) / len(drawn)
    np.testing.assert_allclose(shares, SHARES, atol=0.002)
    assert bucket_of([0.1, 0.49, 0.5, 4.99, 7.0]).tolist() == [0, 0, 1, 9, 9]


def test_others_have_their_share_and_a_class_of_their_own() -> None:
    plan = make_plan(make_settings({"classes": 50, "images": 4000, "others_share": 0.1}))
    assert plan.classes[-1] == "others"
    assert (plan.given == 49).sum() == 400
    without = make_plan(make_settings({"classes": 50, "images": 4000, "others_share": 0}))
    assert "others" not in without.classes
    assert len(without.classes) == 50
