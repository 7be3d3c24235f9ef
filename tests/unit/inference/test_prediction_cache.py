"""Predictions are kept for the very weights, recipe, views and files they were made of, and for nothing else."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from shelfmind.arrays import Floats
from shelfmind.inference.prediction_cache import embeddings_of
from shelfmind.inference.predictor import load
from shelfmind.recipe import Recipe
from shelfmind.records import BadFile, Predictions, Sample

NAMES = ("a", "b", "c")


@dataclass
class Counting:
    """What `predictions_of` asks of a predictor; counts how often it predicts."""

    place: Path
    recipe: Recipe = field(default_factory=Recipe)
    checksum: str = "one"
    tta: tuple[str, ...] = ()
    temperature: float = 1.0
    asked: int = 0
    engine: Any = field(default_factory=lambda: SimpleNamespace(identity="mindspore"))

    def predict_squares(self, squares: Any, samples: Any, bad_files: Any, progress: Any) -> Predictions:
        self.asked += 1
        labels = np.array([sample.label for sample in samples], np.int64)
        rows = np.full((len(samples), 3), self.asked / 3, np.float32)
        paths = tuple(str(sample.path) for sample in samples)
        return Predictions(paths, labels, rows, rows, NAMES, tuple(bad_files))

    def embed_squares(self, squares: Any, progress: Any) -> Floats:
        self.asked += 1
        return np.full((len(squares), 2), self.asked, np.float32)


@pytest.fixture
def samples(tmp_path: Path) -> list[Sample]:
    paths = [tmp_path / f"照片 {number}.jpg" for number in range(3)]
    for path in paths:
        path.write_bytes(b"x")
    return [Sample(path, label, "val") for label, path in enumerate(paths)]


@pytest.fixture
def predictor(tmp_path: Path) -> Counting:
    return Counting(tmp_path / "run")


def ask(predictor: Any, samples: list[Sample], bad: tuple[BadFile, ...] = ()) -> Predictions:
    from shelfmind.inference.prediction_cache import predictions_of

    return predictions_of(predictor, [None] * len(samples), samples, bad)


def kept_files(predictor: Counting) -> list[Path]:
    return sorted((predictor.place / "evaluation" / "kept").iterdir())


def test_the_second_time_nothing_is_computed(mindspore: Any, predictor: Counting, samples: list[Sample]) -> None:
    first, second = ask(predictor, samples), ask(predictor, samples)
    assert predictor.asked == 1
    np.testing.assert_array_equal(first.probabilities, second.probabilities)
    assert first.paths == second.paths


def test_corrected_labels_and_bad_files_count_at_once(
    mindspore: Any, predictor: Counting, samples: list[Sample]
) -> None:
    ask(predictor, samples)
    corrected = [Sample(each.path, 2, each.split) for each in samples]
    bad = (BadFile(Path("z.jpg"), "truncated"),)
    again = ask(predictor, corrected, bad)
    assert predictor.asked == 1
    assert again.labels.tolist() == [2, 2, 2]
    assert again.bad_files == bad


@pytest.mark.parametrize(
    "change",
    [
        {"checksum": "two"},
        {"tta": ("flip",)},
        {"temperature": 1.5},
        {"recipe": Recipe.model_validate({"data": {"image_size": 96, "resize_to": 128}})},
    ],
    ids=["weights", "views", "temperature", "recipe"],
)
def test_another_network_predicts_anew(
    change: dict[str, Any], mindspore: Any, predictor: Counting, samples: list[Sample]
) -> None:
    ask(predictor, samples)
    for name, value in change.items():
        setattr(predictor, name, value)
    ask(predictor, samples)
    assert predictor.asked == 2
    assert len(kept_files(predictor)) == 2


def test_other_files_are_predicted_anew(mindspore: Any, predictor: Counting, samples: list[Sample]) -> None:
    ask(predictor, samples)
    ask(predictor, samples[:2])
    ask(predictor, samples[::-1])
    samples[0].path.write_bytes(b"longer")
    ask(predictor, samples)
    os.utime(samples[1].path, ns=(1, 1))
    ask(predictor, samples)
    assert predictor.asked == 5


def test_what_another_engine_says_is_kept_apart(mindspore: Any, predictor: Counting, samples: list[Sample]) -> None:
    ask(predictor, samples)
    predictor.engine.identity = "onnx fp32"
    ask(predictor, samples)
    ask(predictor, samples)
    assert predictor.asked == 2


def test_a_file_that_was_exported_again_predicts_anew(
    tiny: Any, predictor: Counting, samples: list[Sample], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for weights in (tiny.WEIGHTS, -tiny.WEIGHTS):
        predictor.engine = load(tiny.write_network(tmp_path / "tiny.onnx", weights)).engine
        ask(predictor, samples)
        ask(predictor, samples)
    assert predictor.asked == 2
    monkeypatch.setattr("shelfmind.inference.engines.of_file.metadata.version", lambda package: "a later one")
    ask(predictor, samples)
    assert predictor.asked == 3


def test_a_damaged_file_is_computed_anew(mindspore: Any, predictor: Counting, samples: list[Sample]) -> None:
    ask(predictor, samples)
    (path,) = kept_files(predictor)
    content = path.read_bytes()
    for damaged in (content[:40], b"", b"no archive"):
        path.write_bytes(damaged)
        assert len(ask(predictor, samples)) == 3
    assert predictor.asked == 4
    ask(predictor, samples)
    assert predictor.asked == 4


def test_embeddings_are_kept_apart_from_predictions(predictor: Counting, samples: list[Sample]) -> None:
    squares = [np.zeros((4, 4, 3), np.uint8)] * len(samples)
    ask(predictor, samples)
    first = embeddings_of(predictor, squares, samples)
    assert first.tolist() == [[2, 2]] * 3
    np.testing.assert_array_equal(embeddings_of(predictor, squares, samples), first)
    assert predictor.asked == 2
    assert len(embeddings_of(predictor, squares[:2], samples[:2])) == 2
    assert predictor.asked == 3


def test_damaged_embeddings_are_computed_anew(predictor: Counting, samples: list[Sample]) -> None:
    squares = [np.zeros((4, 4, 3), np.uint8)] * len(samples)
    embeddings_of(predictor, squares, samples)
    (path,) = kept_files(predictor)
    for damaged in (path.read_bytes()[:40], b"", b"no archive"):
        path.write_bytes(damaged)
        assert len(embeddings_of(predictor, squares, samples)) == 3
    assert predictor.asked == 4
    embeddings_of(predictor, squares, samples)
    assert predictor.asked == 4


def test_those_used_longest_ago_are_deleted(mindspore: Any, predictor: Counting, samples: list[Sample]) -> None:
    from shelfmind.inference.prediction_cache import MAX_FILES

    ask(predictor, samples)
    (first,) = kept_files(predictor)
    for number in range(MAX_FILES + 3):
        os.utime(first)  # in use all the time
        predictor.checksum = f"weights {number}"
        ask(predictor, samples)
        for age, path in enumerate(sorted(kept_files(predictor), key=lambda each: each.stat().st_mtime_ns)):
            os.utime(path, ns=(10**9 * (age + 1),) * 2)
        os.utime(first)
    assert len(kept_files(predictor)) == MAX_FILES
    assert first in kept_files(predictor)


def test_a_run_that_cannot_be_written_is_asked_each_time(predictor: Counting, samples: list[Sample]) -> None:
    (predictor.place / "evaluation").parent.mkdir()
    (predictor.place / "evaluation").touch()  # a file in the folder's place stops the superuser, too
    assert ask(predictor, samples).probabilities[0, 0] == pytest.approx(1 / 3)
    assert ask(predictor, samples).probabilities[0, 0] == pytest.approx(2 / 3)


def test_kept_predictions_of_somebody_else_are_used(
    predictor: Counting, samples: list[Sample], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError

    ask(predictor, samples)
    monkeypatch.setattr(os, "utime", refuse)
    ask(predictor, samples)
    assert predictor.asked == 1
