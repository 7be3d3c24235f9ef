"""Predictions are written one row an input, readable by any program, whole or not at all."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shelfmind.errors import UserError

ODD_NAMES = ["照片/可乐 330ml.jpg", 'a, "b"\nc;d.jpg', "=1+1.jpg", os.fsdecode(b"bad\xff.jpg")]
CLASSES = ("可乐", "雪碧, 330ml", "c")


@pytest.fixture
def predictions(mindspore: Any) -> list[Any]:
    """One prediction for each odd name, and one that failed."""
    from shelfmind.inference.predictor import Guess, Prediction

    guesses = tuple(Guess(name, share) for name, share in zip(CLASSES, (0.7, 0.2000004, 1e-9), strict=True))
    return [*(Prediction(name, guesses) for name in ODD_NAMES), Prediction("坏.jpg", (), "zero bytes")]


def read_csv(path: Path) -> list[list[str]]:
    with open(path, encoding="utf-8-sig", errors="surrogateescape", newline="") as stream:
        return list(csv.reader(stream, strict=True))


def read_json_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8", "surrogateescape").split("\n")[:-1]]


def test_csv_has_a_row_an_input(predictions: list[Any], tmp_path: Path) -> None:
    from shelfmind.inference.outputs import write_predictions

    path = tmp_path / "预测.csv"
    del predictions[3]
    write_predictions(path, predictions, 2)
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")  # without it Excel takes Chinese for something else
    header, *rows = read_csv(path)
    assert header == ["path", "class_1", "probability_1", "class_2", "probability_2", "error"]
    assert rows[:3] == [[name, "可乐", "0.700000", "雪碧, 330ml", "0.200000", ""] for name in ODD_NAMES[:3]]
    assert rows[3:] == [["坏.jpg", "", "", "", "", "zero bytes"]]


def test_json_lines_have_a_line_an_input(predictions: list[Any], tmp_path: Path) -> None:
    from shelfmind.inference.outputs import write_predictions

    path = tmp_path / "预测.jsonl"
    del predictions[3]
    write_predictions(path, predictions, 3)
    assert path.read_text("utf-8").startswith('{"path": "照片/')
    shares = zip(CLASSES, (0.7, 0.2, 0.0), strict=True)
    guesses = [{"class": name, "probability": share} for name, share in shares]
    *rows, last = read_json_lines(path)
    assert rows == [{"path": name, "predictions": guesses} for name in ODD_NAMES[:3]]
    assert last == {"path": "坏.jpg", "error": "zero bytes"}


@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
def test_no_more_than_the_top_is_written(suffix: str, predictions: list[Any], tmp_path: Path) -> None:
    from shelfmind.inference.outputs import write_predictions

    write_predictions(tmp_path / f"out.{suffix}", predictions[:1], 1)
    text = (tmp_path / f"out.{suffix}").read_text("utf-8")
    assert "可乐" in text
    assert "雪碧" not in text


@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
def test_names_that_are_not_utf_8_come_back(suffix: str, predictions: list[Any], tmp_path: Path) -> None:
    from shelfmind.inference.outputs import write_predictions

    path = tmp_path / f"out.{suffix}"
    write_predictions(path, predictions, 3)
    names = (
        [row[0] for row in read_csv(path)[1:]] if suffix == "csv" else [row["path"] for row in read_json_lines(path)]
    )
    assert names == [*ODD_NAMES, "坏.jpg"]


@pytest.mark.parametrize("sizes", [[3, 1, 2], [1], [66_000], []])
def test_arrays_come_back(sizes: list[int], tmp_path: Path, mindspore: Any) -> None:
    from shelfmind.inference.outputs import write_arrays
    from shelfmind.prediction_files import PredictionWriter
    from shelfmind.records import UNLABELLED, Predictions

    count = sum(sizes)
    names = [ODD_NAMES[row] if row < len(ODD_NAMES) else f"{row}.jpg" for row in range(count)]
    generator = np.random.default_rng(0)
    probabilities = generator.dirichlet(np.ones(3), count).astype(np.float32).reshape(count, 3)
    embeddings = generator.normal(size=(count, 2)).astype(np.float32)

    def fill(arrays: PredictionWriter) -> None:
        start = 0
        for size in sizes:
            rows = slice(start, start + size)
            arrays.add(names[rows], np.full(size, UNLABELLED), probabilities[rows], embeddings[rows])
            start += size

    write_arrays(tmp_path / "出.npz", CLASSES, fill)
    assert [path.name for path in tmp_path.iterdir()] == ["出.npz"]
    loaded = Predictions.load(tmp_path / "出.npz")
    assert loaded.paths == tuple(names)
    assert loaded.class_names == CLASSES
    np.testing.assert_array_equal(loaded.probabilities, probabilities)
    assert len(loaded.embeddings) == count
    assert count == 0 or np.array_equal(loaded.embeddings, embeddings)
    np.testing.assert_array_equal(loaded.labels, np.full(count, UNLABELLED))


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "npz"])
@pytest.mark.parametrize("old", [True, False])
def test_an_error_half_way_leaves_what_was_there(
    suffix: str, old: bool, predictions: list[Any], tmp_path: Path
) -> None:
    from shelfmind.inference.outputs import write_arrays, write_predictions
    from shelfmind.prediction_files import PredictionWriter

    path = tmp_path / f"out.{suffix}"
    if old:
        path.write_text("old")

    def broken() -> Iterator[Any]:
        yield predictions[0]
        raise RuntimeError("half way")

    def fill(arrays: PredictionWriter) -> None:
        arrays.add(["a"], np.array([-1]), np.ones((1, 3), np.float32), np.ones((1, 2), np.float32))
        raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match="half way"):
        write_arrays(path, CLASSES, fill) if suffix == "npz" else write_predictions(path, broken(), 3)
    assert [(entry.name, entry.read_text()) for entry in tmp_path.iterdir()] == ([(path.name, "old")] if old else [])


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "npz"])
def test_a_place_that_cannot_be_written_is_the_users_to_mend(suffix: str, tmp_path: Path, mindspore: Any) -> None:
    from shelfmind.inference.outputs import write_arrays, write_predictions

    path = tmp_path / "gone" / f"out.{suffix}"
    with pytest.raises(UserError, match="cannot be written"):
        write_arrays(path, CLASSES, lambda arrays: None) if suffix == "npz" else write_predictions(path, [], 3)


def test_outputs_that_cannot_be_written_are_refused_before(tmp_path: Path, mindspore: Any) -> None:
    from shelfmind.inference.outputs import FORMATS, check_output

    for suffix in FORMATS:
        check_output(tmp_path / f"out{suffix}")
    for name, said in (
        ("out.xlsx", "ending in .csv.*got .*out.xlsx"),
        ("out", "got .*out"),
        ("none/out.csv", "none does not exist"),
    ):
        with pytest.raises(UserError, match=said):
            check_output(tmp_path / name)


def test_a_folder_is_no_output(tmp_path: Path, mindspore: Any) -> None:
    from shelfmind.inference.outputs import check_output

    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(UserError, match=r"folder\.csv"):
        check_output(tmp_path / "folder.csv")
