"""Data sets in a bucket of moto's S3 server are audited, trained on and predicted like the folder that was uploaded."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shelfmind.data import open_catalog

BUCKET = "shop"
PROGRAM = """
from shelfmind.cli import main
from shelfmind.object_stores import objects
objects.FIRST_WAIT_S = 0.0
main()
"""
"""The command, which does not wait long for a store that is away."""


class Store:
    """An S3 server on loopback that can go away and come back with what it has."""

    def __init__(self, server: Any) -> None:
        self._server, self._port = server, 0
        self.come_back()

    def come_back(self) -> None:
        """Start the server, always at the same port."""
        self._running = self._server("127.0.0.1", self._port, verbose=False)
        self._running.start()
        _, self._port = self._running.get_host_and_port()

    def go_away(self) -> None:
        """Stop the server."""
        self._running.stop()

    @property
    def variables(self) -> dict[str, str]:
        """The environment of its users."""
        return {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self._port}",
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_MAX_ATTEMPTS": "1",
        }


@pytest.fixture(scope="module")
def store(data, packing, place) -> Iterator[Store]:
    """The data set in a bucket: as class folders, in tar shards and in Parquet files."""
    missing = "moto's server is not installed: pip install moto flask flask-cors"
    for module in ("boto3", "flask_cors", "pyarrow"):
        pytest.importorskip(module, reason=missing)
    store = Store(pytest.importorskip("moto.server", reason=missing).ThreadedMotoServer)
    import boto3

    catalog, shards = open_catalog(data), place / "uploaded"
    for split in ("train", "val", "test"):
        photos = [
            (f"{each.label}-{each.path.name}", each.path.read_bytes(), catalog.class_names[each.label])
            for each in catalog.split(split)
        ]
        packing.pack_labelled_tar(shards / "分片" / f"{split}-000000.tar", photos)
        rows = [(name, content, catalog.class_names.index(label)) for name, content, label in photos]
        packing.write_parquet(shards / "parquet" / f"{split}-0.parquet", packing.rows_table(rows, catalog.class_names))
    client = boto3.client(
        "s3",
        endpoint_url=store.variables["AWS_ENDPOINT_URL"],
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
        region_name="us-east-1",
    )
    client.create_bucket(Bucket=BUCKET)
    for folder, prefix in ((data, "商品 照片"), (shards, "")):
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            client.upload_file(str(path), BUCKET, str(Path(prefix) / path.relative_to(folder)))
    yield store
    store.go_away()


@pytest.fixture(scope="module")
def remote(store, started):
    """A warm process that knows the store."""
    return started(**store.variables)


def losses(run: Path) -> list[tuple[float, float]]:
    lines = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    return [(line["train_loss"], line["val_loss"]) for line in lines]


@pytest.mark.parametrize(
    ("folder", "test"), [("商品 照片", "test"), ("分片", "test-000000.tar"), ("parquet", "test-0.parquet")]
)
def test_a_data_set_in_a_bucket_is_used_like_a_folder(folder, test, remote, trained, data, settings, tmp_path):
    url, run = f"s3://{BUCKET}/{folder}", tmp_path / "run"
    outcome = remote("audit", url, "--out", tmp_path / "audit")
    assert outcome.status == 0, outcome.stderr
    assert json.loads((tmp_path / "audit" / "audit.json").read_text())["images"] == 36
    outcome = remote("train", url, "--out", run, *settings())
    assert outcome.status == 0, outcome.stderr
    assert losses(run) == losses(trained.run)
    outcome = remote("predict", run, f"{url}/{test}", "--out", tmp_path / "predictions.csv")
    assert outcome.status == 0, outcome.stderr
    with open(tmp_path / "predictions.csv", encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(open_catalog(data).split("test"))
    assert all(row["path"].startswith(f"{url}/") for row in rows)
    assert not any(row["error"] for row in rows)


def test_a_store_that_goes_away_in_the_middle_of_a_training(store, remote, environment, settings, tmp_path):
    """No photo stays on this machine: neither squares nor objects fit into the cache."""
    run = tmp_path / "run"
    words = ["train", f"s3://{BUCKET}/商品 照片", "--out", str(run), *settings("train.epochs=10")]
    cache = {"SHELFMIND_CACHE": str(tmp_path / "cache"), "SHELFMIND_CACHE_GB": "0.00001"}
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *words],
        env={**environment, **store.variables, **cache},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as training:
        while not (run / "state.ckpt").exists():
            assert training.poll() is None, training.communicate()
            time.sleep(0.02)
        store.go_away()
        try:
            _, err = training.communicate(timeout=60)
        finally:
            store.come_back()
    assert training.returncode == 2, err
    (said,) = [line for line in err.splitlines() if line.startswith("shelfmind: ")]
    assert f"shelfmind: s3://{BUCKET}/商品 照片/train/" in said
    assert "(after 5 attempts); check the network and the store" in said
    assert not (run / "metrics.json").exists()
    outcome = remote("train", "--resume", run)
    assert outcome.status == 0, outcome.stderr
    assert json.loads((run / "log.jsonl").read_text().splitlines()[-1])["progress"] == 1
    assert (run / "metrics.json").exists()
