"""Data sets in a bucket of moto's S3 server on loopback, and in fsspec's file system in memory."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shelfmind.data import open_catalog
from shelfmind.errors import UserError
from shelfmind.images.content import hash_files
from shelfmind.images.photo_files import read_file
from shelfmind.object_stores import objects
from shelfmind.object_stores.objects import forget, objects_below


@pytest.fixture(scope="module")
def server() -> Iterator[Any]:
    """An S3 server."""
    pytest.importorskip("boto3", reason="boto3 is not installed: pip install 'shelfmind[s3]'")
    missing = "moto's server is not installed: pip install moto flask flask-cors"
    pytest.importorskip("flask_cors", reason=missing)
    running = pytest.importorskip("moto.server", reason=missing).ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    running.start()
    yield running
    running.stop()


@pytest.fixture
def bucket(server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Any, str]]:
    """A client and a bucket."""
    host, port = server.get_host_and_port()
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_MAX_ATTEMPTS": "1",
        "SHELFMIND_CACHE": str(tmp_path / "cache"),
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(objects, "FIRST_WAIT_S", 0.0)
    import boto3

    client, name = boto3.client("s3"), f"shop-{secrets.token_hex(4)}"
    client.create_bucket(Bucket=name)
    forget()
    yield client, name
    forget()


def put_photos(bucket: tuple[Any, str]) -> Path:
    client, name = bucket
    for label in ("可乐", "雪碧"):
        for number in range(6):
            client.put_object(Bucket=name, Key=f"数据 set/{label}/{number}.jpg", Body=f"{label}{number}".encode())
    return Path(f"s3://{name}/数据 set")


@pytest.mark.slow
def test_a_bucket_is_a_data_set(bucket: tuple[Any, str], packing: Any, tmp_path: Path) -> None:
    client, name = bucket
    catalog = open_catalog(put_photos(bucket))
    assert (catalog.format, len(catalog.samples), catalog.class_names) == ("folder", 12, ("可乐", "雪碧"))
    assert len(set(hash_files([sample.path for sample in catalog.samples]))) == 12
    shard = packing.pack_labelled_tar(tmp_path / "s.tar", [(f"{n}.jpg", b"%d" % n, "ab"[n % 2]) for n in range(4)])
    parts = {"PartNumber": 1, "Body": shard.read_bytes()}
    upload = client.create_multipart_upload(Bucket=name, Key="shards/train-0.tar")["UploadId"]
    part = client.upload_part(Bucket=name, Key="shards/train-0.tar", UploadId=upload, **parts)
    client.complete_multipart_upload(
        Bucket=name,
        Key="shards/train-0.tar",
        UploadId=upload,
        MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]},
    )
    shards = open_catalog(f"s3://{name}/shards")  # its ETag is not an MD5
    assert (shards.format, len(shards.samples)) == ("webdataset", 4)


@pytest.mark.slow
def test_a_whole_bucket_is_a_data_set(bucket: tuple[Any, str]) -> None:
    client, name = bucket
    for label in ("可乐", "雪碧"):
        client.put_object(Bucket=name, Key=f"{label}/1.jpg", Body=label.encode())
    catalog = open_catalog(f"s3://{name}")
    assert [each.path for each in catalog.samples] == [Path(f"s3://{name}/{each}/1.jpg") for each in ("可乐", "雪碧")]


@pytest.mark.slow
def test_what_is_wrong_with_a_bucket_is_said(bucket: tuple[Any, str], monkeypatch: pytest.MonkeyPatch) -> None:
    client, name = bucket
    root = put_photos(bucket)
    with pytest.raises(UserError, match=r"s3://not-there/x cannot be read: The specified bucket does not exist$"):
        open_catalog("s3://not-there/x")
    with pytest.raises(UserError, match=r'^s3://no bucket/x cannot be read: Invalid bucket name "no bucket": '):
        open_catalog("s3://no bucket/x")
    with pytest.raises(UserError, match="there is nothing at s3://"):
        open_catalog(f"s3://{name}/数据")
    paths = objects_below(root)
    client.put_object(Bucket=name, Key=f"数据 set/可乐/{paths[0].name}", Body=b"new")
    with pytest.raises(UserError, match="was changed while it was being read; run the command again"):
        hash_files(paths[:1])
    forget()
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(UserError, match=r"Could not connect to the endpoint.*\(after 5 attempts\); check the network"):
        open_catalog(root)
    forget()
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.setattr("boto3.DEFAULT_SESSION", None)  # it keeps credentials
    with pytest.raises(UserError, match="Unable to locate credentials: set AWS_ACCESS_KEY_ID and"):
        open_catalog(root)


def test_fsspec_reads_the_stores_that_it_knows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fsspec = pytest.importorskip("fsspec", reason="needs fsspec: pip install 'shelfmind[object-stores]'")
    monkeypatch.setenv("SHELFMIND_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(objects, "FIRST_WAIT_S", 0.0)
    forget()
    memory = fsspec.filesystem("memory")
    for label in ("可乐", "雪碧"):
        for number in range(3):
            memory.pipe(f"/shop/data/{label}/{number}.jpg", f"{label}{number}".encode())
    catalog = open_catalog("memory://shop/data")
    assert [str(each.path) for each in catalog.samples][:1] == ["memory:/shop/data/可乐/0.jpg"]
    assert len(set(hash_files([each.path for each in catalog.samples]))) == 6
    memory.rm("/shop", recursive=True)
    forget()
    with pytest.raises(UserError, match="there is nothing at memory://shop/data"):
        open_catalog("memory://shop/data")
    memory.pipe("/shop/data/a/1.jpg", b"1")
    monkeypatch.setattr(type(memory), "info", lambda *_: {"type": "file", "size": None})
    with pytest.raises(UserError, match=r"cannot be read: the store does not give the size of shop/data/a/1\.jpg"):
        read_file(Path("memory://shop/data/a/1.jpg"))
    with pytest.raises(UserError, match="nonsense:// is not a store that fsspec knows; use s3:// or a folder"):
        open_catalog("nonsense://shop/data")
