"""A data set in tar shards is audited, trained on and predicted like the folder it was packed from."""

from __future__ import annotations

import csv
import json

from shelfmind.data import open_catalog


def losses(run):
    lines = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    return [(line["train_loss"], line["val_loss"]) for line in lines if "train_loss" in line]


def photo_name(path, catalog):
    """The name within a shard of a photo, by its path in the folder or in the shard."""
    *_, above, name = path.split("/")
    return f"{catalog.class_names.index(above)}-{name}" if above in catalog.class_names else name


def test_shards_answer_like_the_folder(data, trained, warm, settings, packing, tmp_path):
    catalog = open_catalog(data)
    shards = tmp_path / "分片"
    for split in ("train", "val", "test"):
        photos = [
            (f"{each.label}-{each.path.name}", each.path.read_bytes(), catalog.class_names[each.label])
            for each in catalog.split(split)
        ]
        packing.pack_labelled_tar(shards / f"{split}-000000.tar", photos)
    issues = []
    for number, place in enumerate((data, shards)):
        outcome = warm("audit", place, "--out", tmp_path / f"audit {number}")
        assert outcome.status == 0, outcome.stderr
        with open(tmp_path / f"audit {number}" / "issues.csv", encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
        issues.append(sorted((photo_name(row["path"], catalog), row["kind"], row["score"]) for row in rows))
    assert issues[0] == issues[1]
    run = tmp_path / "run"
    outcome = warm("train", shards, "--out", run, *settings())
    assert outcome.status == 0, outcome.stderr
    assert losses(run) == losses(trained.run)
    outcome = warm("predict", run, shards / "test-000000.tar", "--out", tmp_path / "predictions.csv")
    assert outcome.status == 0, outcome.stderr
    with open(tmp_path / "predictions.csv", encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    tested = [f"{each.label}-{each.path.name}" for each in catalog.split("test")]
    assert [row["path"] for row in rows] == [str(shards / "test-000000.tar" / name) for name in tested]
    assert not any(row["error"] for row in rows)
