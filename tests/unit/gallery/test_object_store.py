"""A gallery in a bucket: moto's S3 server on loopback, whose conditional writes are the store's."""

from __future__ import annotations

import multiprocessing
import os
import secrets
import signal
import time
from collections.abc import Iterator
from typing import Any

import pytest

from shelfmind.errors import UserError
from shelfmind.gallery.changes import checksum, photo_name
from shelfmind.gallery.gallery import Gallery
from shelfmind.gallery.photos import Photo
from shelfmind.gallery.plan import Attribution
from shelfmind.gallery.stores import open_files
from shelfmind.gallery.verification import verify

pytestmark = pytest.mark.slow
ME = Attribution("tester")


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """An S3 server's address."""
    pytest.importorskip("boto3", reason="boto3 is not installed: pip install 'shelfmind[s3]'")
    missing = "moto's server is not installed: pip install moto flask flask-cors"
    pytest.importorskip("flask_cors", reason=missing)
    moto = pytest.importorskip("moto.server", reason=missing)
    running = moto.ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    yield f"http://{host}:{port}"
    running.stop()


@pytest.fixture
def where(server: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A place in a bucket that there is."""
    for name, value in {
        "AWS_ENDPOINT_URL": server,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }.items():
        monkeypatch.setenv(name, value)
    import boto3

    bucket = f"shop-{secrets.token_hex(4)}"
    boto3.client("s3").create_bucket(Bucket=bucket)
    return f"s3://{bucket}/画廊/products"


def photos(sku: str, *contents: str) -> list[Photo]:
    return [Photo(sku, f"{content}.jpg", content.encode()) for content in contents]


def products(gallery: Gallery) -> dict[str, set[str]]:
    return {sku: {entry.photo for entry in found.values()} for sku, found in gallery.state.products.items()}


def test_a_gallery_in_a_bucket_is_as_one_in_a_folder(where, embedder) -> None:
    gallery = Gallery.create(open_files(where), embedder, ME)
    gallery.add([*photos("茶", "a", "b"), *photos("cola", "c")], embedder, ME)
    gallery.rename("茶", "tea", ME)
    gallery.remove("cola", ME)
    other = Gallery(open_files(where))
    assert products(other) == {"tea": {"a.jpg", "b.jpg"}}
    assert other.photo(checksum(b"a")) == b"a"
    other.roll_back(2, ME)
    gallery.refresh()
    assert products(gallery) == {"茶": {"a.jpg", "b.jpg"}, "cola": {"c.jpg"}}
    gallery.remove("cola", ME)
    assert gallery.compact(ME) > 0
    assert not gallery.files.has(photo_name(checksum(b"c")))
    assert products(Gallery(open_files(where))) == {"茶": {"a.jpg", "b.jpg"}}
    assert verify(gallery.files) == []
    with pytest.raises(UserError, match="is already a gallery"):
        Gallery.create(open_files(where), embedder, ME)


def test_a_flipped_byte_of_an_object_is_found_and_named(where, embedder) -> None:
    files = open_files(where)
    gallery = Gallery.create(files, embedder, ME)
    gallery.add(photos("tea", "a"), embedder, ME)
    names = [name for folder in ("changes", "vectors", "photos") for name in files.names(folder)]
    assert len(names) == 4
    for name in names:
        content = files.read(name)
        damaged = bytes([content[0] ^ 0x40, *content[1:]])
        files.client.put_object(Bucket=files.bucket, Key=files.prefix + name, Body=damaged)
        assert [fault.file for fault in verify(files)] == [name]
        files.client.put_object(Bucket=files.bucket, Key=files.prefix + name, Body=content)


def enrol_many(where: str, name: str, count: int, embedder: Any) -> None:
    gallery = Gallery(open_files(where))
    for number in range(count):
        gallery.add(photos(name, f"{name}{number}"), embedder, Attribution(name))


def test_two_writers_to_a_bucket_lose_nothing(where, embedder) -> None:
    gallery = Gallery.create(open_files(where), embedder, ME)
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=enrol_many, args=(where, name, 6, embedder)) for name in "xy"]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0
    gallery.refresh()
    assert products(gallery) == {name: {f"{name}{number}.jpg" for number in range(6)} for name in "xy"}
    assert [each.version for each in gallery.state.history] == list(range(1, 14))
    assert verify(gallery.files) == []


def test_a_writer_to_a_bucket_that_is_killed_leaves_whole_changes_only(where, embedder) -> None:
    gallery = Gallery.create(open_files(where), embedder, ME)
    context = multiprocessing.get_context("fork")
    writer = context.Process(target=enrol_many, args=(where, "w", 10_000, embedder))
    writer.start()
    while gallery.state.version < 3:
        gallery.refresh()
        time.sleep(0.05)
    assert writer.pid is not None
    os.kill(writer.pid, signal.SIGKILL)
    writer.join()
    assert verify(gallery.files) == []
    assert gallery.add(photos("tea", "a"), embedder, ME).version == gallery.state.version
    assert "tea" in products(Gallery(open_files(where)))


def test_a_change_whose_answer_was_lost_was_made(where, embedder, monkeypatch) -> None:
    files = open_files(where)
    gallery = Gallery.create(files, embedder, ME)
    gallery.add([*photos("tea", "a"), *photos("cola", "c")], embedder, ME)
    put, sent = files.client.put_object, []

    def lossy(**wanted: Any) -> Any:
        """The answer is lost, and botocore sends the request again."""
        sent.append(put(**wanted))
        return put(**wanted)

    monkeypatch.setattr(files.client, "put_object", lossy)
    made = [
        gallery.add(photos("milk", "m"), embedder, ME),
        gallery.rename("tea", "green tea", ME),
        gallery.remove("cola", ME),
        gallery.roll_back(3, ME),
    ]
    assert [outcome.version for outcome in made] == [3, 4, 5, 6]
    assert len(sent) == 6  # four changes, a photo and its vector
    found = Gallery(open_files(where))
    assert [each.kind for each in found.state.history[2:]] == ["add", "rename", "remove", "rollback"]
    assert products(found) == {"tea": {"a.jpg"}, "cola": {"c.jpg"}, "milk": {"m.jpg"}}


def test_an_object_of_another_writer_is_not_taken_for_ones_own(where, monkeypatch) -> None:
    files = open_files(where)
    assert files.create("changes/1.json", b"one")
    assert not files.create("changes/1.json", b"two")
    assert files.read("changes/1.json") == b"one"

    def gone(name: str) -> bytes:
        raise FileNotFoundError(name)

    monkeypatch.setattr(files, "read", gone)
    assert not files.create("changes/1.json", b"one")


def test_what_is_wrong_with_a_bucket_is_said(where, embedder, monkeypatch) -> None:
    with pytest.raises(UserError, match=r"there is no gallery at s3://.*/none"):
        Gallery(open_files(f"{where}/none"))
    with pytest.raises(UserError, match=r"s3://not-there-\w+/x cannot be read: The specified bucket does not exist$"):
        Gallery(open_files(f"s3://not-there-{secrets.token_hex(4)}/x"))
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(UserError, match="cannot be read: Could not connect to the endpoint URL"):
        Gallery(open_files(where))
