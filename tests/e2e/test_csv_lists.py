"""Several CSV lists lie in one folder: each is a data set of its own."""

from __future__ import annotations

import csv
import json
import shutil


def _write_list(path, samples, split):
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("path", "label", "split"))
        writer.writerows((sample, sample.parent.name, split(number)) for number, sample in enumerate(samples))


def test_a_run_on_one_list_resumes_and_is_evaluated_on_another(data, warm, settings, tmp_path):
    samples = sorted((data / "train").rglob("*.jpg"))
    _write_list(tmp_path / "trained.csv", samples, lambda number: "val" if number % 4 == 0 else "train")
    _write_list(tmp_path / "new.csv", sorted((data / "test").rglob("*.jpg")), lambda number: "test")
    run = tmp_path / "run"
    outcome = warm("train", tmp_path / "trained.csv", "--out", run, *settings("train.epochs=1"))
    assert outcome.status == 0, outcome.stderr
    for name in ("state.ckpt", "log.jsonl", "evaluation"):  # as if killed before the first epoch ended
        target = run / name
        shutil.rmtree(target) if target.is_dir() else target.unlink()
    outcome = warm("train", "--resume", run)
    assert outcome.status == 0, outcome.stderr
    outcome = warm("evaluate", run, tmp_path / "new.csv", "--json", tmp_path / "new.json")
    assert outcome.status == 0, outcome.stderr
    assert json.loads((tmp_path / "new.json").read_text())["images"] == len(list((data / "test").rglob("*.jpg")))
