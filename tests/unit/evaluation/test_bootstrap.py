"""The intervals: the same for the same seed, as the plain bootstrap has them, and right about as often as they say."""

from __future__ import annotations

import numpy as np
import pytest

from shelfmind.evaluation.bootstrap import bootstrap_intervals
from shelfmind.evaluation.outcomes import Outcomes, outcomes_of


def made_outcomes(labels: np.ndarray, hits: np.ndarray, classes: int) -> Outcomes:
    zeros = np.zeros(len(labels))
    return Outcomes(labels, labels, np.where(hits, 0, 7), zeros, zeros, classes)


def test_the_seed_decides(random_predictions) -> None:
    outcomes = outcomes_of(random_predictions(80, 9, seed=1))
    assert bootstrap_intervals(outcomes, seed=4) == bootstrap_intervals(outcomes, seed=4)
    assert bootstrap_intervals(outcomes, seed=4) != bootstrap_intervals(outcomes, seed=5)


def test_chunks_do_not_change_the_draws(random_predictions, monkeypatch) -> None:
    outcomes = outcomes_of(random_predictions(80, 9, seed=1))
    whole = bootstrap_intervals(outcomes, seed=4)
    monkeypatch.setattr("shelfmind.evaluation.bootstrap._CHUNK_VALUES", 100)
    assert bootstrap_intervals(outcomes, seed=4) == whole


def test_agrees_with_resampling_image_by_image(random_predictions) -> None:
    predictions = random_predictions(400, 8, seed=2, skill=0.6)
    outcomes = outcomes_of(predictions)
    rng = np.random.default_rng(0)
    draws = rng.integers(0, 400, (2000, 400))
    hits, near = outcomes.within(1)[draws], outcomes.within(5)[draws]
    given = outcomes.labels[draws]
    recalls = [(hits & (given == c)).sum(axis=1) / (given == c).sum(axis=1) for c in range(8)]
    plain = (hits.mean(axis=1), near.mean(axis=1), np.mean(recalls, axis=0))
    for interval, figures in zip(bootstrap_intervals(outcomes, seed=0), plain, strict=True):
        assert interval == pytest.approx(np.quantile(figures, [0.025, 0.975]), abs=0.01)


def test_classes_that_are_all_right_or_all_wrong_do_not_make_the_macro_figure_certain() -> None:
    # Four classes of eight images, all right, beside two, all wrong: the bootstrap had (0.667, 0.667).
    labels = np.repeat(np.arange(6), 8)
    low, high = bootstrap_intervals(made_outcomes(labels, labels < 4, 6), seed=0).macro_top1
    assert low < 0.6
    assert high > 0.73


def test_the_macro_interval_covers_the_truth_where_classes_are_nearly_all_right_or_wrong() -> None:
    rng = np.random.default_rng(0)
    chance = np.array([0.97, 0.97, 0.97, 0.97, 0.03, 0.03])
    labels = np.repeat(np.arange(6), 8)
    found = [
        bootstrap_intervals(made_outcomes(labels, rng.random(48) < chance[labels], 6), seed).macro_top1
        for seed in range(200)
    ]
    assert np.mean([low <= chance.mean() <= high for low, high in found]) >= 0.93


def test_covers_the_truth_about_as_often_as_promised() -> None:
    rng = np.random.default_rng(0)
    chance = np.array([0.9, 0.7, 0.5, 0.3])
    covered = np.zeros(2)
    for seed in range(200):
        labels = rng.choice(4, 300, p=[0.4, 0.3, 0.2, 0.1])
        outcomes = made_outcomes(labels, rng.random(300) < chance[labels], 4)
        intervals = bootstrap_intervals(outcomes, seed)
        truths = (chance @ [0.4, 0.3, 0.2, 0.1], chance.mean())
        pairs = zip((intervals.top1, intervals.macro_top1), truths, strict=True)
        covered += [low <= truth <= high for (low, high), truth in pairs]
    assert (covered / 200 >= 0.90).all()
    assert (covered / 200 <= 0.99).all()
