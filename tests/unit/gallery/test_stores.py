"""Where a gallery is, as people write it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from shelfmind.errors import UserError
from shelfmind.gallery.following import GallerySearch
from shelfmind.gallery.storage import LocalFiles
from shelfmind.gallery.stores import Place, open_files, open_search, place_of


@pytest.mark.parametrize(
    ("where", "files", "server"),
    [
        ("products", "products", None),
        ("/data/商品 库@home", "/data/商品 库@home", None),
        ("s3://shop/products", "s3://shop/products", None),
        ("products@milvus://h:19530/all", "products", "milvus://h:19530/all"),
        ("s3://shop/a@b@milvus://h:19530/all", "s3://shop/a@b", "milvus://h:19530/all"),
        ("C:\\shop\\products", "C:\\shop\\products", None),
    ],
)
def test_files_and_server_are_told_apart(where: str, files: str, server: str | None) -> None:
    assert place_of(where) == Place(files, server)


def test_what_has_no_scheme_is_a_folder(tmp_path, monkeypatch) -> None:
    for where in (tmp_path / "a", str(tmp_path / "a"), f"{tmp_path}/a@milvus://h:1/c"):
        files = open_files(where)
        assert isinstance(files, LocalFiles)
        assert files.root == tmp_path / "a"
    monkeypatch.setenv("HOME", str(tmp_path))
    assert open_files("~/products").root == tmp_path / "products"


def test_what_is_not_known_is_refused_with_what_is(gallery) -> None:
    with pytest.raises(UserError, match="a gallery cannot store files at s4://; known: s3://, or a folder"):
        open_files("s4://shop/products")
    with pytest.raises(UserError, match="cannot store files at gopher://; known: s3://, or a folder"):
        open_files(Path("gopher://shop"))
    with pytest.raises(UserError, match="qdrant:// is not a search server; known: milvus://"):
        open_search(gallery, "products@qdrant://h:1/c")
    with pytest.raises(UserError, match="needs a location for its files: a folder, or s3://"):
        open_files("")
    for where in ("milvus://h:19530/c", "@milvus://h:19530/c"):
        with pytest.raises(UserError, match="put the files' location before it"):
            open_files(where)


def test_a_gallery_without_a_server_is_searched_here(gallery, files) -> None:
    assert isinstance(open_search(gallery, files.root), GallerySearch)


@pytest.mark.parametrize(
    ("package", "extra", "opened"),
    [
        ("boto3", "s3", lambda gallery: open_files("s3://shop/products")),
        ("pymilvus", "milvus", lambda gallery: open_search(gallery, "products@milvus://h:1/c")),
    ],
)
def test_a_package_that_is_missing_is_named(package, extra, opened, gallery, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(
        UserError, match=rf"needs {package}(, which is not installed)?; run: pip install 'shelfmind\[{extra}\]'"
    ):
        opened(gallery)
