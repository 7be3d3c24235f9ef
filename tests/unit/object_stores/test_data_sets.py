"""A data set in an object store is read as one on this machine."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from shelfmind.data import open_catalog
from shelfmind.data.list_file import write_list
from shelfmind.errors import UserError
from shelfmind.images.content import hash_files
from shelfmind.inference.predict_files import find_images, require_existing
from shelfmind.records import Catalog
from shelfmind.review.pictures import NoPicture, Pictures

CLASSES = ("可乐", "雪碧")


def upload(store: Any, folder: Path, prefix: str) -> Path:
    for path in folder.rglob("*"):
        if path.is_file():
            store.contents[f"{prefix}/{path.relative_to(folder).as_posix()}"] = path.read_bytes()
    return Path(f"test://{prefix}")


def make_folder(root: Path) -> None:
    for split, count in (("train", 12), ("test", 3)):
        for name in CLASSES:
            for number in range(count):
                path = root / split / name / f"{number}.jpg"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(f"{split}{name}{number}".encode())


def make_list(root: Path) -> None:
    make_folder(root / "photos")
    rows = [f"{path.relative_to(root)},{path.parent.name}" for path in sorted(root.rglob("*.jpg"))]
    (root / "list.csv").write_text("\n".join(["path,label", *rows]), encoding="utf-8")


def make_rp2k(root: Path) -> None:
    make_folder(root / "all")


def below(catalog: Catalog) -> list[tuple[str, int, str]]:
    return [(each.path.relative_to(catalog.root).as_posix(), each.label, each.split) for each in catalog.samples]


@pytest.mark.parametrize("make", [make_folder, make_list, make_rp2k])
def test_a_catalog_has_the_same_photos_as_on_this_machine(store: Any, tmp_path: Path, make: Any) -> None:
    make(tmp_path / "data")
    root = upload(store, tmp_path / "data", "shop/数据 set")
    here, there = open_catalog(tmp_path / "data", seed=1), open_catalog(root, seed=1)
    assert below(there) == below(here)
    assert (there.class_names, there.format, there.notes) == (here.class_names, here.format, here.notes)
    assert there.root == root
    assert not any(name.endswith(".jpg") for name in store.fetched)
    assert not list((tmp_path / "cache").glob("*scratch*"))


def test_shards_have_the_same_photos_as_on_this_machine(store: Any, tmp_path: Path, packing: Any) -> None:
    for split in ("train", "test"):
        photos = [(f"{split}{number}.jpg", b"photo", str(number % 2)) for number in range(6)]
        packing.pack_labelled_tar(tmp_path / "data" / f"{split}-0.tar", photos)
    (tmp_path / "data" / "classes.txt").write_text("\n".join(CLASSES), encoding="utf-8")
    root = upload(store, tmp_path / "data", "shop/数据")
    here, there = open_catalog(tmp_path / "data"), open_catalog(root)
    assert below(there) == below(here)
    assert there.class_names == CLASSES
    one = open_catalog(Path("test://shop/数据/train-0.tar"))
    assert {sample.path.parent for sample in one.samples} == {Path("test://shop/数据/train-0.tar")}


def test_shards_below_a_url_are_those_of_a_folder(store: Any, tmp_path: Path, packing: Any, pyarrow: Any) -> None:
    photos = [(f"{number}.jpg", b"photo", CLASSES[number % 2]) for number in range(4)]
    for name in ("train/0.tar", "train/more/deep/1.tar", "test/0.tar", "test/.old/1.tar"):
        packing.pack_labelled_tar(tmp_path / "tar" / name, photos)
    table = packing.rows_table([(f"{number}.jpg", bytes([number]), number % 2) for number in range(4)], CLASSES)
    for name in ("train/data-0.arrow", "train/mapped.arrow", "test/data-0.arrow", "test/cache-1.arrow"):
        packing.write_arrow(tmp_path / "saved" / name, table)
    (tmp_path / "saved" / "train" / "state.json").write_text('{"_data_files": [{"filename": "data-0.arrow"}]}')
    for name, count in (("tar", 12), ("saved", 8)):
        root = upload(store, tmp_path / name, f"shop/{name}")
        here, there = open_catalog(tmp_path / name), open_catalog(root)
        assert len(there.samples) == count
        assert (below(there), there.notes) == (below(here), here.notes)
    assert there.notes[0].endswith("not named by state.json: test/cache-1.arrow, train/mapped.arrow")
    assert {path.parent.name for path in find_images(["test://shop/saved"])} == {"data-0.arrow"}


def test_a_shard_that_is_deleted_meanwhile_is_reported(
    store: Any, tmp_path: Path, packing: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    packing.pack_labelled_tar(tmp_path / "data" / "0.tar", [("1.jpg", b"1", "a"), ("2.jpg", b"2", "b")])
    root = upload(store, tmp_path / "data", "shop/x")
    monkeypatch.setattr(store, "fetch", lambda wanted, stream: store.status("gone"))
    with pytest.raises(UserError, match=r"^a shard in test://shop/x cannot be read: it was deleted meanwhile"):
        open_catalog(root)


def test_the_format_is_the_one_that_is_detected_on_this_machine(store: Any, tmp_path: Path, packing: Any) -> None:
    make_folder(tmp_path / "data")
    packing.pack_labelled_tar(tmp_path / "data" / "train.tar", [("1.jpg", b"1", "a"), ("2.jpg", b"2", "b")])
    packing.pack_labelled_tar(tmp_path / "data" / "backup.tar", [("1.jpg", b"1", "a")])
    assert open_catalog(tmp_path / "data").format == "folder"
    assert open_catalog(upload(store, tmp_path / "data", "shop/x")).format == "folder"
    shard = (tmp_path / "data" / "train.tar").read_bytes()
    store.contents |= {"shop/y/train.tar": shard, "shop/y/list.csv": b"path,label\ntrain.tar/1.jpg,a\nz.tar/2.jpg,b\n"}
    listed = open_catalog("test://shop/y")
    assert listed.format == "csv"
    assert hash_files([each.path for each in listed.samples]) == [hashlib.sha256(b"1").digest(), None]
    store.contents |= {"shop/z/train.tar": shard, "shop/z/train.parquet": b""}
    with pytest.raises(UserError, match=r"^test://shop/z contains Parquet or Arrow files as well as tar shards"):
        open_catalog("test://shop/z")


def test_an_object_that_is_also_a_folder_is_named(store: Any) -> None:
    store.contents = {"shop/x/a": b"", "shop/x/a/1.jpg": b"1"}
    with pytest.raises(UserError, match=r"^test://shop/x/a/1\.jpg cannot be listed as a file .*rename or delete it"):
        open_catalog("test://shop/x")


def test_pictures_of_a_folder_with_a_dot_in_its_name_are_found(store: Any, tmp_path: Path) -> None:
    make_folder(tmp_path / "data")
    pictures = Pictures(upload(store, tmp_path / "data", "shop/v1.2"), "folder")
    for path in ("train/可乐/0.jpg", "test://shop/v1.2/train/可乐/0.jpg"):
        assert pictures.locate(path) == Path("test://shop/v1.2/train/可乐/0.jpg")
    with pytest.raises(NoPicture):
        pictures.locate("train/可乐/../雪碧/0.jpg")


def test_messages_name_the_url(store: Any, tmp_path: Path) -> None:
    (tmp_path / "data" / "a").mkdir(parents=True)
    (tmp_path / "data" / "list.csv").write_text("path,label\n1.jpg,\n")
    root = upload(store, tmp_path / "data", "shop/x")
    with pytest.raises(UserError, match=r"^test://shop/x/list\.csv, line 2: the label is empty$"):
        open_catalog(root)
    with pytest.raises(UserError, match=r"^there is nothing at test://shop/none; check the spelling"):
        open_catalog(Path("test://shop/none"))


def test_lists_of_urls_round_trip(store: Any, tmp_path: Path) -> None:
    make_folder(tmp_path / "data")
    catalog = open_catalog(upload(store, tmp_path / "data", "shop/x"))
    write_list(tmp_path / "list.csv", catalog.samples, catalog.class_names)
    assert [each.path for each in open_catalog(tmp_path / "list.csv").samples] == [
        each.path for each in catalog.samples
    ]


def test_photos_are_found_below_urls_and_in_shards(store: Any, tmp_path: Path, packing: Any) -> None:
    shard = packing.pack_labelled_tar(tmp_path / "shards" / "0.tar", [("10.jpg", b"x", "a"), ("9.jpg", b"y", "b")])
    store.contents = {"shop/b/2.jpg": b"2", "shop/b/notes.txt": b"", "shop/b/0.tar": shard.read_bytes()}
    found = list(find_images([str(tmp_path / "shards"), "test://shop/b", str(shard / "9.jpg"), "test://shop/b/2.jpg"]))
    url = Path("test://shop/b")
    assert found == [
        *(shard / "10.jpg", shard / "9.jpg"),
        *(url / "0.tar/10.jpg", url / "0.tar/9.jpg", url / "2.jpg"),
        *(shard / "9.jpg", url / "2.jpg"),
    ]
    require_existing(str(shard / "9.jpg"))
    with pytest.raises(UserError, match="no such file or folder"):
        require_existing(str(shard / "8.jpg"))
