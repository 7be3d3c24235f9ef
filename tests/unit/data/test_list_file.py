"""A list of samples is the same data set again, whatever its photos and classes are called."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from shelfmind.data import open_catalog
from shelfmind.data.list_file import write_list
from shelfmind.images.photo_files import read_file
from shelfmind.records import Catalog, Sample

NOT_UTF_8 = os.fsdecode(b"\xff.jpg")
NAMES = ("可乐　听装.jpg", "a\u00a0b.jpg", " x.jpg", 'say "hi", 你好.jpg', "line\nbreak.jpg", NOT_UTF_8)


def contents(catalog: Catalog) -> list[tuple[bytes, int, str]]:
    return sorted((read_file(each.path), each.label, each.split) for each in catalog.samples)


@pytest.mark.parametrize("classes", [("水　净", "茶"), ("茶", "茶 "), ("Ａ", "A")])
def test_photos_of_any_name(classes: tuple[str, str], tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    samples = [
        Sample(tmp_path / "photos" / name, at % 2, "test" if at > 3 else "train") for at, name in enumerate(NAMES)
    ]
    for sample in samples:
        sample.path.write_bytes(os.fsencode(sample.path.name))
    write_list(tmp_path / "lists" / "one.csv", samples, classes)
    found = open_catalog(tmp_path / "lists" / "one.csv")
    assert contents(found) == sorted((os.fsencode(each.path.name), each.label, each.split) for each in samples)
    assert found.class_names == (classes if classes[1] == "茶" else ("000000", "000001"))


def test_lists_in_one_folder_do_not_mix_up_their_photos(tmp_path: Path) -> None:
    samples = [Sample(tmp_path / os.fsdecode(b"\xff%d.jpg" % at), at % 2, "train") for at in range(4)]
    for sample in samples:
        sample.path.write_bytes(os.fsencode(sample.path.name))
    for part in (samples[1:], samples):
        path = tmp_path / "lists" / f"{len(part)}.csv"
        write_list(path, part, ["水", "茶"])
        shown = [(read_file(each.path), each.label) for each in open_catalog(path).samples]
        assert sorted(shown) == sorted((os.fsencode(each.path.name), each.label) for each in part)


def test_photos_of_any_name_in_shards(tmp_path: Path, packing: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELFMIND_CACHE", str(tmp_path / "cache"))
    photos = [
        (name, os.fsencode(name), ("水", "茶")[number % 2])
        for number, name in enumerate(["可乐　1.jpg", "a\u00a0b.jpg", NOT_UTF_8, "plain.jpg"])
    ]
    packing.pack_labelled_tar(tmp_path / "tar" / "train-000.tar", photos)
    catalog = open_catalog(tmp_path / "tar")
    write_list(tmp_path / "list.csv", catalog.samples, catalog.class_names)
    assert len(contents(catalog)) == 4
    assert contents(open_catalog(tmp_path / "list.csv")) == contents(catalog)
