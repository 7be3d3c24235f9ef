"""A gallery searched by a Milvus server: a real one, of ``SHELFMIND_MILVUS`` or the package `milvus`."""

from __future__ import annotations

import multiprocessing
import os
import secrets
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shelfmind.errors import UserError
from shelfmind.gallery.following import GallerySearch
from shelfmind.gallery.gallery import Gallery
from shelfmind.gallery.photos import Photo
from shelfmind.gallery.plan import Attribution
from shelfmind.gallery.storage import LocalFiles
from shelfmind.gallery.stores import open_search

pytestmark = pytest.mark.slow
ME = Attribution("tester")
NUMBER = secrets.token_hex(3)
"""Of this run: another may have left its collections on the server."""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Of a server that runs as long as these tests do; on one machine there can be one."""
    pytest.importorskip("pymilvus", reason="Milvus's client is not installed: pip install pymilvus")
    if "SHELFMIND_MILVUS" in os.environ:
        yield os.environ["SHELFMIND_MILVUS"]
        return
    milvus = pytest.importorskip("milvus", reason="no Milvus server is installed: pip install milvus")
    server = milvus.MilvusServer()
    server.set_base_dir(str(tmp_path_factory.mktemp("milvus")))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        server.listen_port = free.getsockname()[1]
    server.start()
    yield f"127.0.0.1:{server.listen_port}"
    server.stop()


def photos(sku: str, *contents: str) -> list[Photo]:
    return [Photo(sku, f"{content}.jpg", content.encode()) for content in contents]


def first(search: Any, embedder: Any, content: str) -> tuple[str, str]:
    search.refresh()
    match = search(embedder.vector(content.encode())[None], 3)[0][0]
    return match.sku, match.entry.photo


def test_a_server_finds_what_is_in_the_gallery_at_each_version(gallery, files, embedder, address) -> None:
    gallery.add([*photos("茶", "a", "b"), *photos("cola", "c"), *photos("milk", "d")], embedder, ME)
    where = f"{files.root}@milvus://{address}/versions{NUMBER}"
    search = open_search(Gallery(files), where)
    assert first(search, embedder, "b") == ("茶", "b.jpg")
    gallery.add(photos("soap", "e"), embedder, ME)
    assert first(search, embedder, "e") == ("soap", "e.jpg")
    gallery.rename("茶", "tea", ME)
    gallery.remove("milk", ME)
    for each in (search, open_search(Gallery(files), where)):
        assert first(each, embedder, "a") == ("tea", "a.jpg")
        asked = np.stack([embedder.vector(content) for content in (b"b", b"d", b"zz")])
        for found, wanted in zip(each(asked, 3), GallerySearch(gallery)(asked, 3), strict=True):
            assert [match.entry for match in found] == [match.entry for match in wanted]
            assert [m.similarity for m in found] == pytest.approx([m.similarity for m in wanted], abs=1e-5)
    gallery.compact(ME)
    assert first(search, embedder, "c") == ("cola", "c.jpg")
    renewed = type(embedder)("second")
    gallery.re_embed(renewed, ME)
    assert first(search, renewed, "c") == ("cola", "c.jpg")
    assert search(renewed.vector(b"c")[None], 1)[0][0].similarity == pytest.approx(1, abs=1e-5)


def test_a_server_that_lost_points_or_has_too_many_is_mended(gallery, files, embedder, address) -> None:
    gallery.add([*photos("tea", "a", "b"), *photos("cola", "c")], embedder, ME)
    where = f"{files.root}@milvus://{address}/mended{NUMBER}"
    search = open_search(Gallery(files), where)
    (point,) = search.client.query(f"mended{NUMBER}", filter='sku == "cola"', output_fields=["*"])
    search.client.delete(f"mended{NUMBER}", ids=[point["id"]])
    assert first(open_search(Gallery(files), where), embedder, "c") == ("cola", "c.jpg")
    search.client.upsert(f"mended{NUMBER}", [{**point, "id": "left by a writer that was late", "sku": "ghost"}])
    assert first(search, embedder, "c") == ("cola", "c.jpg")  # what the gallery does not have is not found
    open_search(Gallery(files), where)
    assert not search.client.query(f"mended{NUMBER}", filter='sku == "ghost"', output_fields=["sku"])


def test_a_collection_of_another_gallery_is_left_alone(gallery, files, embedder, address, tmp_path) -> None:
    gallery.add(photos("tea", "a"), embedder, ME)
    open_search(gallery, f"{files.root}@milvus://{address}/taken{NUMBER}")
    other = Gallery.create(LocalFiles(tmp_path / "other"), embedder, Attribution("another"))
    with pytest.raises(UserError, match=f"the collection taken{NUMBER} on .* does not belong to .*; choose another"):
        open_search(other, f"x@milvus://{address}/taken{NUMBER}")
    assert first(open_search(gallery, f"x@milvus://{address}/taken{NUMBER}"), embedder, "a") == ("tea", "a.jpg")


def bring_along(root: str, address: str, embedder: Any, name: str, count: int) -> None:
    gallery = Gallery(LocalFiles(Path(root)))
    search = open_search(gallery, f"x@milvus://{address}/together{NUMBER}")
    for number in range(count):
        gallery.add(photos(name, f"{name}{number}"), embedder, Attribution(name))
        search.refresh()


def test_two_that_bring_a_server_along_leave_it_whole(gallery, files, embedder, address) -> None:
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=bring_along, args=(str(files.root), address, embedder, name, 6)) for name in "xy"]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0
    search = open_search(Gallery(files), f"x@milvus://{address}/together{NUMBER}")
    for name in "xy":
        for number in range(6):
            assert first(search, embedder, f"{name}{number}") == (name, f"{name}{number}.jpg")


def test_no_server_and_no_collection_are_said(gallery, files, address) -> None:
    with pytest.raises(UserError, match="must be milvus://HOST:PORT/COLLECTION"):
        open_search(gallery, f"{files.root}@milvus://{address}")
    with pytest.raises(UserError, match=r"no Milvus server responds at 127\.0\.0\.1:9"):
        open_search(gallery, f"{files.root}@milvus://127.0.0.1:9/products")
