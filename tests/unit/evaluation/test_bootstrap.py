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


def test_a_class_that_a_resample_misses_does_not_push_the_macro_interval_off_its_estimate() -> None:
    # Forty classes of five images, all right, beside forty of fifty, all wrong: the macro accuracy is one half.
    labels = np.concatenate([np.repeat(np.arange(40), 5), np.repeat(np.arange(40, 80), 50)])
    interval = bootstrap_intervals(made_outcomes(labels, labels < 40, 80), seed=0).macro_top1
    assert interval == pytest.approx((0.5, 0.5), abs=1e-9)


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
