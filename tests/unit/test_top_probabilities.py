"""The most probable classes stand in for a matrix that memory cannot hold, and say where they cannot."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from shelfmind import top_probabilities
from shelfmind.errors import UserError
from shelfmind.evaluation import evaluate
from shelfmind.evaluation.calibration import scale_temperature
from shelfmind.evaluation.ensemble import average_predictions, fit_weights
from shelfmind.evaluation.logit_adjustment import logit_adjusted
from shelfmind.prediction_files import prediction_writer
from shelfmind.records import Predictions, as_probabilities
from shelfmind.top_probabilities import TopProbabilities, best

IMAGES, CLASSES = 60, 300


@given(arrays(np.float32, st.integers(1, 30), elements=st.sampled_from([0, 0.25, 0.5, 1])), st.integers(1, 40))
def test_the_best_are_those_of_a_stable_sort(row: np.ndarray, count: int) -> None:
    np.testing.assert_array_equal(best(row, count), np.argsort(-row, kind="stable")[:count])


def test_values_that_are_not_numbers_come_last() -> None:
    assert best(np.array([np.nan, 0.2, np.nan, 0.8]), 3).tolist() == [3, 1, 0]


@pytest.mark.parametrize("kind", ["distinct", "few values", "equal", "one block", "not numbers", "infinite"])
@pytest.mark.parametrize("count", [1, 5, 100])
def test_the_best_of_a_long_row(kind: str, count: int) -> None:
    generator = np.random.default_rng(count)
    row = generator.normal(size=20_011)
    if kind == "few values":
        row = generator.integers(0, 3, len(row)).astype(np.float64)
    elif kind == "equal":
        row = np.ones(len(row))
    elif kind == "one block":
        row[-200:] += 10
    elif kind == "not numbers":
        row[[7, 9000]] = np.nan
    elif kind == "infinite":
        row[[3, 20_010]] = np.inf
    np.testing.assert_array_equal(best(row, count), np.argsort(-row, kind="stable")[:count])


def make_probabilities(sharpness: float = 3.0) -> np.ndarray:
    logits = sharpness * np.random.default_rng(0).normal(size=(IMAGES, CLASSES))
    powers = np.exp(logits)
    return np.asarray(powers / powers.sum(1, keepdims=True), np.float32)


def make_predictions(probabilities: np.ndarray) -> Predictions:
    generator = np.random.default_rng(1)
    likely = np.argsort(-probabilities, axis=1)[np.arange(IMAGES), generator.integers(0, 4, IMAGES)]
    labels = np.where(generator.random(IMAGES) < 0.5, likely, generator.integers(0, CLASSES, IMAGES))
    return Predictions(
        tuple(f"{row}.jpg" for row in range(IMAGES)),
        labels.astype(np.int64),
        probabilities,
        generator.normal(size=(IMAGES, 4)).astype(np.float32),
        tuple(f"product {label}" for label in range(CLASSES)),
    )


@pytest.fixture
def full() -> Predictions:
    return make_predictions(make_probabilities())


@pytest.fixture
def top(full: Predictions) -> Predictions:
    batches = (full.probabilities[start : start + 7] for start in range(0, IMAGES, 7))
    return replace(full, probabilities=as_probabilities(TopProbabilities.of(batches, CLASSES)))


def test_what_is_kept_is_exact_and_rows_remain_distributions(full: Predictions, top: Predictions) -> None:
    rows = top.probabilities[10:30]
    assert rows.shape == (20, CLASSES)
    assert rows.sum(1) == pytest.approx(1, abs=1e-5)
    kept = np.take_along_axis(rows, full.top(top_probabilities.KEPT)[10:30], axis=1)
    assert np.array_equal(kept, -np.sort(-full.probabilities[10:30], axis=1)[:, : top_probabilities.KEPT])
    assert np.array_equal(top.top(100), full.top(100))
    each = np.arange(IMAGES)
    assert np.array_equal(top.probabilities[each, top.labels], top.probabilities[each][each, top.labels])


def test_an_evaluation_differs_only_in_ranks_beyond_those_kept(full: Predictions, top: Predictions) -> None:
    expected, found = evaluate(full, None), evaluate(top, None)
    assert found.to_json() == expected.to_json()
    assert found.top5 > found.top1 > 0.05
    for one, other in zip(expected.errors, found.errors, strict=True):
        assert (one.path, one.predicted, one.confidence) == (other.path, other.predicted, other.confidence)
        assert one.rank == other.rank if one.rank < top_probabilities.KEPT else other.rank >= top_probabilities.KEPT


def test_ranks_are_those_in_rows_of_all_classes() -> None:
    values = np.array([[0.5, 0.2, 0.1, 0.1], [0.25, 0.25, 0.25, 0.25], [0.4, 0.0, 0.0, 0.0]], np.float32)
    found = TopProbabilities(np.array([[7, 2, 5, 9], [1, 2, 3, 4], [6, 0, 3, 8]], np.int32), values, 12)
    rows = found[slice(None)]
    for label in range(12):
        labels = np.full(3, label)
        own = rows[:, label, None]
        before = (rows > own) | ((rows == own) & (np.arange(12) < label))
        np.testing.assert_array_equal(found.ranks(slice(None), labels), before.sum(1))


def test_saved_and_loaded(top: Predictions, tmp_path: Path) -> None:
    top.save(tmp_path / "kept.npz")
    with np.load(tmp_path / "kept.npz") as archive:
        assert archive["top_classes"].shape == archive["top_probabilities"].shape == (IMAGES, top_probabilities.KEPT)
        assert "probabilities" not in archive
    loaded = Predictions.load(tmp_path / "kept.npz")
    assert np.array_equal(loaded.probabilities[3:9], top.probabilities[3:9])
    assert loaded.probabilities.shape == (IMAGES, CLASSES)


def test_a_file_written_in_blocks_is_the_same(full: Predictions, top: Predictions, tmp_path: Path) -> None:
    with prediction_writer(tmp_path / "out.npz", CLASSES, only_top=True) as writer:
        for rows in (slice(0, 25), slice(25, IMAGES)):
            part = full.probabilities[rows], full.embeddings[rows]
            writer.add(full.paths[rows], full.labels[rows], *part)
        writer.write(tmp_path / "out.npz", full.class_names)
    loaded = Predictions.load(tmp_path / "out.npz")
    assert np.array_equal(loaded.probabilities[:], top.probabilities[:])
    assert (loaded.paths, loaded.labels.tolist()) == (full.paths, full.labels.tolist())


def test_what_needs_all_rows_says_so(top: Predictions) -> None:
    said = r"all classes for all images at once \(60 x 300.*100 greatest.*fewer images"
    for asks in (
        lambda: scale_temperature(top),
        lambda: logit_adjusted(top, np.ones(CLASSES, np.int64), 1.0),
        lambda: average_predictions([top, top], [1.0, 1.0]),
        lambda: np.asarray(top.probabilities),
    ):
        with pytest.raises(UserError, match=said):
            asks()
    assert fit_weights([top, top]) == pytest.approx([0.5, 0.5])
    assert average_predictions([top], [1.0]).probabilities is top.probabilities


def test_two_gibibytes_of_probabilities_are_kept_in_full() -> None:
    assert not top_probabilities.exceeds_memory(39_457, 2_388)  # RP2K's test split
    assert not top_probabilities.exceeds_memory(10_000, 10_000)
    assert top_probabilities.exceeds_memory(100_000, 100_000)
