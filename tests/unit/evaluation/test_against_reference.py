"""Every figure against the same definition in plain Python, on random data with and without ties."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shelfmind.evaluation import ShotCutoffs, evaluate
from shelfmind.records import Predictions


def ranking(row: list[float]) -> list[int]:
    return sorted(range(len(row)), key=lambda i: (-row[i], i))


def reference_top(predictions: Predictions, count: int) -> float:
    pairs = zip(predictions.labels.tolist(), predictions.probabilities.tolist(), strict=True)
    return sum(label in ranking(row)[:count] for label, row in pairs) / len(predictions)


def reference_recalls(predictions: Predictions) -> dict[int, float]:
    hits: dict[int, list[bool]] = {}
    for label, row in zip(predictions.labels.tolist(), predictions.probabilities.tolist(), strict=True):
        hits.setdefault(label, []).append(ranking(row)[0] == label)
    return {label: sum(each) / len(each) for label, each in hits.items()}


def reference_ece(predictions: Predictions) -> float:
    bins: list[list[tuple[float, bool]]] = [[] for _ in range(15)]
    for label, row in zip(predictions.labels.tolist(), predictions.probabilities.tolist(), strict=True):
        best = ranking(row)[0]
        index = next((m for m in range(15) if row[best] <= (m + 1) / 15), 14)
        bins[index].append((row[best], best == label))
    return sum(
        len(each) / len(predictions) * abs(sum(c for c, _ in each) / len(each) - sum(r for _, r in each) / len(each))
        for each in bins
        if each
    )


def mean(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None


cases = given(
    images=st.integers(1, 60),
    classes=st.integers(1, 12),
    seed=st.integers(0, 10_000),
    skill=st.sampled_from([0.0, 0.5, 1.0]),
    grid=st.booleans(),
)


@cases
@settings(max_examples=60, deadline=None)
def test_figures(random_predictions, images, classes, seed, skill, grid) -> None:
    predictions = random_predictions(images, classes, seed, skill, grid)
    counts = np.random.default_rng(seed).integers(0, 200, classes)
    result = evaluate(predictions, counts, shot_cutoffs=ShotCutoffs(many_above=120, few_below=50))
    recalls = reference_recalls(predictions)

    assert result.top1 == pytest.approx(reference_top(predictions, 1))
    assert result.top5 == pytest.approx(reference_top(predictions, 5))
    assert result.macro_top1 == pytest.approx(mean(list(recalls.values())))
    assert result.ece == pytest.approx(reference_ece(predictions), abs=1e-9)
    groups = {
        "many": [value for label, value in recalls.items() if counts[label] > 120],
        "medium": [value for label, value in recalls.items() if 50 <= counts[label] <= 120],
        "few": [value for label, value in recalls.items() if counts[label] < 50],
    }
    for name, values in groups.items():
        assert result.shot_top1(name) == (None if not values else pytest.approx(mean(values)))
    for point, interval in (
        (result.top1, result.top1_ci95),
        (result.top5, result.top5_ci95),
        (result.macro_top1, result.macro_top1_ci95),
    ):
        assert 0.0 <= interval.low <= point <= interval.high <= 1.0


@cases
@settings(max_examples=40, deadline=None)
def test_tables(random_predictions, images, classes, seed, skill, grid) -> None:
    predictions = random_predictions(images, classes, seed, skill, grid)
    result = evaluate(predictions, None)
    labels = predictions.labels.tolist()
    rows = predictions.probabilities.tolist()
    guesses = [ranking(row)[0] for row in rows]
    names = predictions.class_names
    pairs = Counter((names[a], names[b]) for a, b in zip(labels, guesses, strict=True) if a != b)

    for i, row in enumerate(result.per_class):
        own = [j for j, label in enumerate(labels) if label == i]
        right = sum(guesses[j] == i for j in own)
        claimed = guesses.count(i)
        assert (row.class_id, row.name, row.images, row.correct) == (i, names[i], len(own), right)
        assert row.recall == (pytest.approx(right / len(own)) if own else None)
        assert row.precision == (pytest.approx(right / claimed) if claimed else None)
        assert row.confidence == (pytest.approx(mean([max(rows[j]) for j in own])) if own else None)
        of_class = {other: count for (name, other), count in pairs.items() if name == names[i]}
        assert row.confused_count == max(of_class.values(), default=0)
        assert row.confused_with is None if not of_class else of_class[row.confused_with] == row.confused_count

    assert len(result.confusions) == min(50, len(pairs))
    assert [each.count for each in result.confusions] == sorted(pairs.values(), reverse=True)[:50]
    for each in result.confusions:
        assert each.count == pairs[each.given, each.predicted]
        assert each.rate == pytest.approx(each.count / labels.count(each.given_id))
        for path in each.examples:
            index = predictions.paths.index(path)
            assert (labels[index], guesses[index]) == (each.given_id, each.predicted_id)
    wrong = sorted((max(row) for row, a, b in zip(rows, labels, guesses, strict=True) if a != b), reverse=True)
    assert [each.confidence for each in result.worst_errors] == pytest.approx(wrong[:36])
    assert math.isclose(sum(each.images for each in result.reliability), images)
