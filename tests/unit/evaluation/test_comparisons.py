"""What may be claimed of many comparisons, by simulations whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from shelfmind.arrays import Wide
from shelfmind.evaluation.comparisons import (
    compare,
    expected_by_chance,
    p_values,
    verdict_of,
)
from shelfmind.evaluation.intervals import Z95
from shelfmind.evaluation.metrics import macro_top1
from shelfmind.evaluation.multiplicity import holm
from shelfmind.evaluation.outcomes import Outcomes

IMAGES, SEEDS, ROWS = 300, 3, 10


def drawn(generator: np.random.Generator, gains: list[float], spreads: list[float]) -> list[np.ndarray]:
    """Hits (seeds, images) of a base and of rows that are better by so much; images differ in how hard they are, and
    every training is a little better or worse on its own, by its row's spread."""
    hardness = generator.normal(0, 0.25, IMAGES)
    training = generator.normal(0, 1, (len(gains), SEEDS, 1)) * np.array(spreads)[:, None, None]
    chance = np.clip(0.6 + hardness + np.array(gains)[:, None, None] + training, 0.02, 0.98)
    return list((generator.random((len(gains), SEEDS, IMAGES)) < chance).astype(np.float64))


def claims(tables: int, gains: list[float], spreads: list[float]) -> tuple[np.ndarray, np.ndarray]:
    """For each table and row: whether its interval alone excludes zero, and whether the table claims a difference."""
    alone, claimed = [], []
    for number in range(tables):
        base, *rows = drawn(np.random.default_rng(number), [0.0, *gains], spreads)
        found = [compare(row, base) for row in rows]
        adjusted = zip(found, holm(p_values(found)), strict=True)
        alone.append([each.excludes_zero for each in found])
        claimed.append([verdict_of(each, chance, IMAGES) != "none" for each, chance in adjusted])
    return np.array(alone), np.array(claimed)


@pytest.mark.parametrize(
    "spreads",
    [[0.02] * (ROWS + 1), [0.0] * (ROWS + 1), [0.02, *[0.005, 0.04] * (ROWS // 2)]],
    ids=["alike", "images alone", "rows that spread differently"],
)
def test_tables_without_a_difference_seldom_claim_one_though_some_intervals_exclude_zero(spreads: list[float]) -> None:
    alone, claimed = claims(100, [0.0] * ROWS, spreads)
    assert alone.any(axis=1).mean() > 0.2
    assert claimed.any(axis=1).mean() <= 0.08


def test_a_true_difference_is_found_among_others() -> None:
    _, claimed = claims(40, [0.15, *[0.0] * (ROWS - 1)], [0.02] * (ROWS + 1))
    assert claimed[:, 0].mean() > 0.8
    assert claimed[:, 1:].any(axis=1).mean() <= 0.1


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == pytest.approx([1.0, 1.0])
    assert holm([]) == []


def test_a_single_seed_counts_images_alone() -> None:
    generator = np.random.default_rng(0)
    base, row = drawn(generator, [0.0, 0.1], [0.02, 0.02])
    found = compare(row[:1], base[:1])
    deviation = (found.ci95.high - found.ci95.low) / (2 * Z95)
    assert found.spread is None
    assert p_values([found]) == pytest.approx([2 * norm.sf(abs(found.difference) / deviation)])


def test_seeds_that_disagree_make_a_difference_doubtful() -> None:
    images = np.zeros((3, 400))
    agreeing, disagreeing = images.copy(), images.copy()
    agreeing[:, :60] = 1
    disagreeing[0, :180] = 1
    alike, apart = compare(agreeing, images), compare(disagreeing, images)
    assert alike.difference == pytest.approx(apart.difference) == pytest.approx(0.15)
    assert p_values([alike]) < [0.001]
    assert apart.excludes_zero
    assert p_values([apart]) > [0.2]
    assert verdict_of(apart, *p_values([apart]), 400) == "none"


def test_no_difference_at_all_and_too_few_images() -> None:
    same = compare(np.ones((2, 50)), np.ones((2, 50)))
    assert (same.difference, same.spread) == (0.0, 0.0)
    assert same.ci95.low < 0 < same.ci95.high
    assert p_values([same]) == [1.0]
    sure = compare(np.ones((2, 9)), np.zeros((2, 9)))
    assert verdict_of(sure, 0.0, 9) == "none"
    assert verdict_of(sure, 0.0, 90) == "better"


def test_a_single_image_that_differs_proves_nothing() -> None:
    row, base = np.zeros((3, 500)), np.zeros((3, 500))
    row[:, 0] = 1
    found = compare(row, base)
    assert not found.excludes_zero


LONG_TAIL = np.repeat(np.arange(40), np.maximum(1, 200 // np.arange(1, 41) ** 1.3).astype(int))
"""The labels of a test set with a long tail: 40 classes of 200 down to 1 image."""


def drawn_by_class(generator: np.random.Generator, chances: np.ndarray, seeds: int = SEEDS) -> tuple[Wide, Wide]:
    """Hits of a row and a base by class, with images that both often get right or wrong together."""
    hardness = generator.random(len(LONG_TAIL))
    same = generator.random((2, seeds, len(LONG_TAIL))) < 0.5
    luck = np.where(same, hardness, generator.random((2, seeds, len(LONG_TAIL))))
    hits = (luck < chances[:, None, LONG_TAIL]).astype(np.float64)
    return hits[0], hits[1]


def test_with_classes_the_means_over_classes_are_compared() -> None:
    row, base = drawn_by_class(np.random.default_rng(0), np.random.default_rng(1).random((2, 40)))
    found = compare(row, base, classes=LONG_TAIL)
    expected = [macro_of(each) - macro_of(other) for each, other in zip(row, base, strict=True)]
    assert found.by_seed == pytest.approx(expected)
    assert found.difference == pytest.approx(np.mean(expected))
    assert found.ci95.low < found.difference < found.ci95.high
    assert compare(row, base, paired=False, classes=LONG_TAIL).difference == pytest.approx(np.mean(expected))


def macro_of(hits: Wide) -> float:
    wrong = (hits == 0).astype(np.int64)
    ones = np.ones(len(hits))
    return macro_top1(Outcomes(LONG_TAIL, LONG_TAIL, wrong, ones, ones, 40))


@pytest.mark.parametrize("gain", [0.0, 0.1])
def test_intervals_of_macro_differences_cover_the_truth_and_are_no_wider_than_needed(gain: float) -> None:
    chances = np.random.default_rng(5).uniform(0.3, 0.85, 40)
    both = np.stack([chances + gain, chances])
    found = [
        compare(*drawn_by_class(np.random.default_rng(number), both, 1), classes=LONG_TAIL) for number in range(400)
    ]
    covered = np.mean([each.ci95.low <= gain <= each.ci95.high for each in found])
    assert 0.92 <= covered <= 0.985
    deviation = np.std([each.difference for each in found])
    width = np.mean([each.ci95.high - each.ci95.low for each in found]) / (2 * Z95)
    assert width == pytest.approx(deviation, rel=0.2)


def test_with_many_images_of_each_class_the_interval_is_that_of_the_bootstrap() -> None:
    generator, classes = np.random.default_rng(0), np.repeat(np.arange(6), [400, 200, 100, 100, 60, 40])
    differences = generator.choice([-1.0, 0.0, 1.0], len(classes), p=[0.1, 0.7, 0.2])
    found = compare(differences[None], np.zeros((1, len(classes))), classes=classes)
    picks = generator.integers(0, len(classes), (4000, len(classes)))
    means = [
        np.mean([each[classes[pick] == one].mean() for one in range(6)])
        for pick in picks
        for each in [differences[pick]]
    ]
    low, high = np.quantile(means, [0.025, 0.975])
    assert found.ci95.low == pytest.approx(low, abs=0.004)
    assert found.ci95.high == pytest.approx(high, abs=0.004)


def test_rows_that_share_runs_do_not_make_the_training_of_others_look_steadier() -> None:
    """Four rows that train on their own beside twelve that change only how the base's runs predict."""
    claimed = []
    for number in range(60):
        generator = np.random.default_rng(number)
        base, *rows = drawn(generator, [0.0] * 5, [0.04] * 5)
        found = [compare(row, base) for row in rows]
        for _ in range(12):
            flipped = generator.random(base.shape) < 0.03
            found.append(compare(np.where(flipped, 1 - base, base), base, shares_runs=True))
        adjusted = holm(p_values(found))[:4]
        claimed.append(any(verdict_of(each, p, IMAGES) != "none" for each, p in zip(found, adjusted, strict=False)))
    assert np.mean(claimed) <= 0.06


@pytest.mark.parametrize(("spread", "least", "most"), [(0.0, 0.4, 1.0), (0.04, 2.0, 4.0)])
def test_chance_of_training_makes_more_intervals_exclude_zero(spread: float, least: float, most: float) -> None:
    """The number that is expected is the one that simulated tables without any difference have on average."""
    excluding, expected = [], []
    for number in range(15):
        base, *rows = drawn(np.random.default_rng(number), [0.0] * (ROWS + 1), [spread] * (ROWS + 1))
        found = [compare(row, base) for row in rows]
        excluding.append(sum(each.excludes_zero for each in found))
        expected.append(expected_by_chance(found))
    assert np.mean(excluding) == pytest.approx(np.mean(expected), rel=0.2, abs=0.3)
    assert least <= np.mean(expected) <= most


def test_chance_over_images_alone_grows_with_the_comparisons() -> None:
    base, *rows = drawn(np.random.default_rng(0), [0.0] * 11, [0.02] * 11)
    found = [compare(row[:1], base[:1]) for row in rows]
    assert expected_by_chance(found) == pytest.approx(0.5, rel=1e-4)
    unpaired = [compare(row, base, paired=False) for row in rows]
    assert expected_by_chance(unpaired) == pytest.approx(0.5, rel=1e-4)
    same = compare(np.ones((2, 50)), np.ones((2, 50)))
    assert expected_by_chance([same]) == pytest.approx(0.05, rel=1e-4)


@pytest.mark.parametrize("images", [20, 40, 41, 500])
@pytest.mark.parametrize("exceptions", [0, 1, 4])
@pytest.mark.parametrize("paired", [True, False])
@pytest.mark.parametrize("seeds", [1, 3])
def test_rows_that_differ_on_nearly_every_image_differ_for_sure(
    images: int, exceptions: int, paired: bool, seeds: int
) -> None:
    row, base = np.zeros((seeds, images)), np.ones((seeds, images))
    row[:, :exceptions] = 1
    worse, better = compare(row, base, paired), compare(base, row, paired)
    for found in (worse, better):
        assert found.ci95.high - found.ci95.low > 1 / images
        assert abs(found.difference) == 1 - exceptions / images
    chances = p_values([worse, better])
    assert max(chances) < 0.001
    assert [verdict_of(*each, images) for each in zip((worse, better), chances, strict=True)] == ["worse", "better"]


def test_one_training_of_two_that_fails_entirely_proves_nothing() -> None:
    row, base = np.ones((2, 100)), np.ones((2, 100))
    row[0] = 0
    found = compare(row, base)
    assert found.ci95.low < found.difference == -0.5 < found.ci95.high
    assert p_values([found]) > [0.3]
    assert p_values([compare(row, base, paired=False)]) < [0.001]  # both seeds as one, without their spread


def test_likelihoods_that_differ_by_the_same_everywhere_have_an_interval_in_their_unit() -> None:
    sure, wrong = np.zeros((1, 30)), np.full((1, 30), -27.6)
    found = compare(sure, wrong)
    assert 20 < found.ci95.low < found.difference == pytest.approx(27.6)
    assert p_values([found]) < [0.001]
    tiny = compare(sure, np.full((1, 30), -1e-9))
    assert not tiny.excludes_zero
    assert p_values([tiny]) > [0.9]
