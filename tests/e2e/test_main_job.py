"""The main job: train, evaluate, predict, and what each leaves behind."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import numpy as np
import pytest

from shelfmind.records import Predictions

FIGURES = {
    *("top1", "top1_ci95", "top5", "top5_ci95", "macro_top1", "macro_top1_ci95", "many_top1", "medium_top1"),
    *("few_top1", "ece", "images", "bad_files", "seconds", "images_per_second", "classes"),
}
ESCAPE = "\x1b"


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_training_says_only_our_lines_and_leaves_nothing_in_the_working_directory(trained, place):
    assert trained.outcome.status == 0, trained.outcome.stderr
    notes = r"note: half of the classes |  from |  without |  with "
    expected = rf"({notes}|compiling |training |epoch +\d+ |run: |report: |next: )"
    assert [line for line in trained.outcome.stderr.splitlines() if not re.match(expected, line)] == []
    assert "top-1" in trained.outcome.stdout
    assert ESCAPE not in trained.outcome.stdout + trained.outcome.stderr
    assert list((place / "working").iterdir()) == []


def test_a_run_folder_has_the_files_of_the_design_and_no_others(trained):
    assert {path.name for path in trained.run.iterdir()} == {
        *("recipe.yaml", "classes.json", "weights.ckpt", "best.ckpt", "last.ckpt", "state.ckpt", "log.jsonl"),
        *("metrics.json", "provenance.json", "report.html", "bad_files.csv", "split.csv", "seen.npy", "evaluation"),
        "checksums.json",
    }


def test_the_log_has_every_epoch_and_the_schedule_ends(trained):
    log = [json.loads(line) for line in (trained.run / "log.jsonl").read_text().splitlines()]
    assert [entry["epoch"] for entry in log] == [0, 1, 2]
    assert log[-1]["progress"] == 1.0
    assert all(np.isfinite(entry["train_loss"]) and 0 <= entry["val_top1"] <= 1 for entry in log)


def test_provenance_says_where_the_run_comes_from(trained, data):
    origin = json.loads((trained.run / "provenance.json").read_text(encoding="utf-8"))
    assert origin["data"]["path"] == str(data)
    assert origin["seed"] == 0
    assert origin["data"]["images"] == {"train": 26, "val": 3, "test": 7}
    assert origin["versions"]["mindspore"]


def test_the_weights_offered_are_the_best(trained):
    assert (trained.run / "weights.ckpt").read_bytes() == (trained.run / "best.ckpt").read_bytes()


@pytest.fixture(scope="module")
def evaluated(trained, data, cold, place):
    figures = place / "figures.json"
    outcome = cold("evaluate", trained.run, data, "--json", figures)
    assert outcome.status == 0, outcome.stderr
    return outcome, json.loads(figures.read_text(encoding="utf-8"))


def test_evaluation_has_the_promised_keys_and_counts_every_image(evaluated, photos):
    _, figures = evaluated
    assert set(figures) >= FIGURES
    assert figures["images"] == len(photos) == 7  # batches of 4: the last one is not full
    assert (figures["classes"], figures["bad_files"], figures["split"]) == (3, 0, "test")
    for name in ("top1", "top5", "macro_top1"):
        low, high = figures[f"{name}_ci95"]
        assert 0 <= low <= figures[name] <= high <= 1
    assert figures["top1"] * 7 == pytest.approx(round(figures["top1"] * 7))
    assert figures["images_per_second"] > 0


def test_evaluation_writes_its_tables(evaluated, trained):
    folder = trained.run / "evaluation" / "test"
    assert {path.name for path in folder.iterdir()} == {
        *("metrics.json", "per_class.csv", "slices.csv", "confusions.csv", "errors.csv", "predictions.npz"),
        "bad_files.csv",
    }
    assert sum(int(row["images"]) for row in rows(folder / "per_class.csv")) == 7
    saved = Predictions.load(folder / "predictions.npz")
    assert len(saved) == 7
    np.testing.assert_allclose(saved.probabilities.sum(1), 1, rtol=1e-5)


def test_the_report_is_one_page_that_needs_nothing_else(evaluated, trained, data):
    page = (trained.run / "report.html").read_text(encoding="utf-8")
    without_names = re.sub(r'xmlns(:\w+)?="[^"]*"', "", page)
    needed = re.findall(r"""\b(?:src|href)\s*=\s*["']?([^"'\s>]+)""", without_names)
    assert [target[:40] for target in needed if not target.startswith(("data:", "#"))] == []
    assert not re.search(r"https?://|@import|url\((?!['\"]?(data:|#))", without_names)
    assert (data / "train").is_dir()
    for name in (path.name for path in (data / "train").iterdir()):
        assert name in page
    assert "data:image/" in page
    assert ESCAPE not in page


def test_json_on_standard_output_is_only_json(trained, data, warm):
    outcome = warm("evaluate", trained.run, data, "--split", "val", "--tta", "flip,centre", "--json", "-")
    assert outcome.status == 0, outcome.stderr
    figures = json.loads(outcome.stdout)
    assert (figures["images"], figures["split"], figures["tta"]) == (3, "val", ["flip", "centre"])


@pytest.fixture(scope="module")
def predicted(trained, data, photos, cold, place):
    """Predictions of some files in an odd order, a folder and a pattern."""
    out = place / "预测.csv"
    given = [photos[5], photos[0], photos[3], data / "val", data / "test" / "*" / "0001*.jpg"]
    outcome = cold("predict", trained.run, *given, "--out", out, "--top", "2")
    assert outcome.status == 0, outcome.stderr
    return outcome, rows(out)


def test_predictions_keep_the_order_of_what_was_given(predicted, data, photos):
    _, table = predicted
    paths = [Path(row["path"]) for row in table]
    assert paths[:3] == [photos[5], photos[0], photos[3]]
    assert sorted(paths[3:6]) == sorted((data / "val").rglob("*.jpg"))
    assert sorted(paths[6:]) == sorted((data / "test").glob("*/0001*.jpg"))


def test_predictions_are_names_and_probabilities(predicted, data):
    outcome, table = predicted
    names = {path.name for path in (data / "train").iterdir()}
    assert list(table[0]) == ["path", "class_1", "probability_1", "class_2", "probability_2", "error"]
    for row in table:
        assert {row["class_1"], row["class_2"]} < names
        assert 1 >= float(row["probability_1"]) >= float(row["probability_2"]) >= 0
        assert row["error"] == ""
    assert outcome.stdout == ""
    *_, out, engine = outcome.stderr.splitlines()
    assert out.startswith("predictions: ")
    assert engine in ("engine: mindspore", "engine: mindspore onednn")  # by SHELFMIND_KERNELS of who tests


def test_predict_agrees_with_evaluate(predicted, evaluated, trained):
    _, table = predicted
    saved = Predictions.load(trained.run / "evaluation" / "test" / "predictions.npz")
    measured = {path: row.max() for path, row in zip(saved.paths, saved.probabilities, strict=True)}
    compared = [row for row in table if row["path"] in measured]
    assert len(compared) > 3
    for row in compared:
        assert float(row["probability_1"]) == pytest.approx(float(measured[row["path"]]), abs=2e-6)


def test_every_output_format_says_the_same(trained, photos, warm, tmp_path):
    for suffix in ("csv", "jsonl", "npz"):
        outcome = warm("predict", trained.run, *photos, "--out", tmp_path / f"p.{suffix}")
        assert outcome.status == 0, outcome.stderr
    table = rows(tmp_path / "p.csv")
    lines = [json.loads(line) for line in (tmp_path / "p.jsonl").read_text(encoding="utf-8").splitlines()]
    arrays = Predictions.load(tmp_path / "p.npz")
    assert [row["path"] for row in table] == [line["path"] for line in lines] == list(arrays.paths)
    for row, line, probabilities in zip(table, lines, arrays.probabilities, strict=True):
        best = line["predictions"][0]
        assert row["class_1"] == best["class"] == arrays.class_names[int(probabilities.argmax())]
        assert float(row["probability_1"]) == best["probability"] == pytest.approx(float(probabilities.max()), abs=1e-6)
        assert len(line["predictions"]) == 3  # all there are, though --top is 5
    assert {path.name for path in tmp_path.iterdir()} == {"p.csv", "p.jsonl", "p.npz"}


def test_predictions_without_out_are_a_table(trained, photos, warm):
    outcome = warm("predict", trained.run, photos[0], "--top", "1")
    assert outcome.status == 0
    assert "guess 1" in outcome.stdout
    assert "%" in outcome.stdout
    assert ESCAPE not in outcome.stdout + outcome.stderr
