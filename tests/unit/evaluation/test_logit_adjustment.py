"""Logit adjustment moves probability from frequent to rare classes exactly as its paper says."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from shelfmind.errors import UserError
from shelfmind.evaluation.logit_adjustment import TAUS, logit_adjusted, trade_off
from shelfmind.records import Predictions

Maker = Callable[..., Predictions]
COUNTS = np.array([900, 90, 10])


def test_it_subtracts_tau_times_the_log_of_the_prior(make_predictions: Maker) -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(20, 3))
    rows = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    for tau in (0.0, 0.5, 1.0, 2.0):
        moved = np.exp(logits - tau * np.log(COUNTS / COUNTS.sum()))
        result = logit_adjusted(make_predictions([0] * 20, rows), COUNTS, tau)
        np.testing.assert_allclose(result.probabilities, moved / moved.sum(1, keepdims=True), rtol=1e-4)


def test_the_tail_gains_what_the_head_loses(make_predictions: Maker) -> None:
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 3, 600)
    noise = rng.normal(size=(600, 3)) + np.log(COUNTS / COUNTS.sum()) + 2.5 * np.eye(3)[labels]
    rows = np.exp(noise) / np.exp(noise).sum(1, keepdims=True)
    steps = trade_off(make_predictions(labels.tolist(), rows), COUNTS)
    assert [step.tau for step in steps] == list(TAUS)
    many = [step.many for step in steps]
    few = [step.few for step in steps]
    assert many == sorted(many, reverse=True)
    assert few == sorted(few)
    assert few[-1] > few[0]
    assert max(step.macro_top1 for step in steps) > steps[0].macro_top1


def test_extremes_stay_probabilities(make_predictions: Maker) -> None:
    predictions = make_predictions([0, 1], [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    result = logit_adjusted(predictions, np.array([10**6, 0, 1]), 50.0)
    np.testing.assert_allclose(result.probabilities, predictions.probabilities)
    for tau in (-1.0, float("nan"), float("inf")):
        with pytest.raises(UserError, match="at least 0"):
            logit_adjusted(predictions, COUNTS, tau)
