"""What is written: whole or not at all, and readable by the programs it is meant for."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from shelfmind.errors import UserError
from shelfmind.evaluation import (
    Evaluation,
    evaluate,
    write_confusions_csv,
    write_errors_csv,
    write_metrics,
    write_per_class_csv,
    write_slices_csv,
)
from shelfmind.evaluation.slices import Difficulty, slice_accuracy
from shelfmind.files import write_text


@pytest.fixture
def evaluation(make_predictions) -> Evaluation:
    rows = [[0.9, 0.1, 0.0], [0.8, 0.1, 0.1], [0.2, 0.2, 0.6]]
    names = ["农夫山泉（550ml）", 'with, comma and "quotes"', "unseen"]
    return evaluate(make_predictions([0, 1, 1], rows, names), np.array([5, 6, 0]))


def rows_of(path: Path) -> list[dict[str, str]]:
    data = path.read_bytes()
    assert data.startswith(b"\xef\xbb\xbf"), "Excel takes a file without the mark for another encoding"
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))


def test_metrics(evaluation, tmp_path) -> None:
    write_metrics(evaluation, tmp_path / "metrics.json")
    text = (tmp_path / "metrics.json").read_text(encoding="utf-8")
    assert json.loads(text) == evaluation.to_json()
    assert "农夫山泉（550ml）" in text


def test_per_class(evaluation, tmp_path) -> None:
    write_per_class_csv(evaluation, tmp_path / "per_class.csv")
    rows = rows_of(tmp_path / "per_class.csv")
    assert [row["class"] for row in rows] == [each.name for each in evaluation.per_class]
    assert rows[0] | {"mean_confidence": ""} == {
        "class_id": "0", "class": "农夫山泉（550ml）", "train_images": "5", "images": "1", "correct": "1",
        "recall": "1.000000", "precision": "0.500000", "mean_confidence": "", "most_confused_with": "",
        "most_confused_count": "0",
    }  # fmt: skip
    assert (rows[1]["most_confused_with"], rows[1]["recall"]) == ("农夫山泉（550ml）", "0.000000")
    assert (rows[2]["images"], rows[2]["recall"], rows[2]["mean_confidence"]) == ("0", "", "")


def test_slices_worst_first_and_none_left_of_an_earlier_evaluation(evaluation, tmp_path) -> None:
    path = tmp_path / "slices.csv"
    values = np.append(np.arange(50.0), np.nan)
    right = values < 25
    names = [f"{number}.jpg" for number in range(51)]
    slices = slice_accuracy(right, np.full(51, 0.5), names, [Difficulty("blur", values, (25.0,))])
    write_slices_csv(replace(evaluation, slices=slices), path)
    rows = rows_of(path)
    assert [(row["from"], row["below"], row["images"], row["right"]) for row in rows] == [
        ("25", "", "25", "0"), ("", "25", "25", "25"), ("", "", "1", "0"),
    ]  # fmt: skip
    assert [row["verdict"] for row in rows] == ["worse", "better", "too few images"]
    write_slices_csv(evaluation, path)
    assert not path.exists()


def test_errors(evaluation, tmp_path) -> None:
    write_errors_csv(evaluation, tmp_path / "errors.csv")
    assert rows_of(tmp_path / "errors.csv") == [
        {
            "path": f"photos/{number}.jpg", "given": 'with, comma and "quotes"', "predicted": predicted,
            "confidence": f"{confidence:.6f}", "truth_probability": f"{truth:.6f}", "rank": str(number),
        }
        for number, predicted, confidence, truth in ((1, "农夫山泉（550ml）", 0.8, 0.1), (2, "unseen", 0.6, 0.2))
    ]  # fmt: skip


def test_confusions(evaluation, tmp_path) -> None:
    write_confusions_csv(evaluation, tmp_path / "confusions.csv")
    rows = rows_of(tmp_path / "confusions.csv")
    assert [(row["given"], row["predicted"], row["count"], row["rate"]) for row in rows] == [
        ('with, comma and "quotes"', "农夫山泉（550ml）", "1", "0.500000"),
        ('with, comma and "quotes"', "unseen", "1", "0.500000"),
    ]
    assert [row["example_1"] for row in rows] == ["photos/1.jpg", "photos/2.jpg"]


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path, monkeypatch) -> None:
    path = tmp_path / "metrics.json"
    write_text(path, "old")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(UserError, match="no space left"):
        write_text(path, "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_missing_folder_is_named(tmp_path) -> None:
    with pytest.raises(UserError, match=r"missing.* cannot be written"):
        write_text(tmp_path / "missing" / "a.json", "")


def test_a_file_name_that_is_not_unicode_can_be_written(tmp_path) -> None:
    write_text(tmp_path / "a.json", json.dumps("\udcff.jpg", ensure_ascii=False))
    assert json.loads((tmp_path / "a.json").read_text()) == "\udcff.jpg"
