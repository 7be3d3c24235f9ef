"""Bins of class sizes hold the right classes, and the correlation is Spearman's."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import rankdata

from shelfmind.analysis.label_errors.accuracy_by_size import accuracy_by_size
from shelfmind.evaluation.outcomes import Outcomes


def outcomes(labels: np.ndarray, right: np.ndarray, classes: int) -> Outcomes:
    blank = np.zeros(len(labels))
    return Outcomes(
        labels, np.where(right, labels, (labels + 1) % classes), (~right).astype(np.int64), blank, blank, classes
    )


def test_bins_double_and_leave_out_classes_without_measured_images() -> None:
    labels = np.array([0, 0, 1, 2, 2, 2, 2, 3])
    right = np.array([True, False, True, True, True, True, False, True])
    result = accuracy_by_size(outcomes(labels, right, 5), np.array([0, 3, 2, 9, 1]))
    found = [(each.low, each.high, each.classes, each.images) for each in result.bins]
    assert found == [(0, 0, 1, 2), (2, 3, 2, 5), (8, 15, 1, 1)]
    assert result.bins[1].mean_recall == pytest.approx((1 + 0.75) / 2)
    assert result.bins[1].lowest_recall == 0.75


def test_the_correlation_is_spearmans_with_ties() -> None:
    rng = np.random.default_rng(0)
    labels = np.arange(40).repeat(5)
    right = rng.random(200) < 0.3 + labels / 80
    counts = rng.integers(1, 15, 40) + np.arange(40) // 2
    result = accuracy_by_size(outcomes(labels, right, 40), counts)
    recalls = right.reshape(40, 5).mean(axis=1)
    ranks = rankdata(counts), rankdata(recalls)
    assert len(set(ranks[0])) < 40
    assert len(set(ranks[1])) < 40
    assert result.rank_correlation == pytest.approx(np.corrcoef(*ranks)[0, 1])


def test_no_correlation_where_nothing_varies() -> None:
    labels = np.array([0, 1, 2])
    result = accuracy_by_size(outcomes(labels, np.ones(3, np.bool_), 3), np.array([1, 5, 9]))
    assert result.rank_correlation is None
