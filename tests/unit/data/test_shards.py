"""Shards give the same catalog as folders, and say what is wrong with a label, a split or a column."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from shelfmind.data import detect_format, open_catalog
from shelfmind.errors import UserError
from shelfmind.records import Catalog

CLASSES = ("可乐（听装）", "雪碧")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELFMIND_CACHE", str(tmp_path / "cache"))


def labels(catalog: Catalog) -> dict[str, str]:
    return {sample.path.name: catalog.class_names[sample.label] for sample in catalog.samples}


def test_the_same_photos_give_the_same_catalog(tmp_path: Path, packing: Any, pyarrow: Any) -> None:
    photos = [
        (split, name, f"{CLASSES.index(name)}{number:03}.jpg")
        for split, count in (("train", 30), ("test", 5))
        for name in CLASSES
        for number in range(count)
    ]
    for split, name, file in photos:
        path = tmp_path / "folder" / split / name / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.encode())
    for split in ("train", "test"):
        own = [(file, file.encode(), name) for part, name, file in photos if part == split]
        for number in range(2):
            packing.pack_labelled_tar(tmp_path / "tar" / f"shop-{split}-{number}.tar", own[number::2])
        rows = [(file, content, CLASSES.index(name)) for file, content, name in own]
        table = packing.rows_table(rows, CLASSES)
        packing.write_parquet(tmp_path / "hub" / "data" / f"{split}-00000-of-00001.parquet", table, 7)
        packing.write_arrow(tmp_path / "saved" / split / "data-00000-of-00001.arrow", table)
    folder = open_catalog(tmp_path / "folder", seed=3)
    for name, kind in (("tar", "webdataset"), ("hub", "parquet"), ("saved", "parquet")):
        other = open_catalog(tmp_path / name, seed=3)
        assert (other.format, other.class_names, other.notes) == (kind, folder.class_names, folder.notes)
        assert labels(other) == labels(folder)
        ours, theirs = ({each.path.name: each.split for each in catalog.samples} for catalog in (other, folder))
        if name != "tar":  # two shards put the photos of a class into another order, and so the generated split
            assert ours == theirs
            assert [each.path.name for each in other.samples] == [each.path.name for each in folder.samples]
        assert {file: split == "test" for file, split in ours.items()} == {
            file: split == "test" for file, split in theirs.items()
        }


def test_labels_are_found_in_the_members_of_a_key(tmp_path: Path, packing: Any) -> None:
    members = [
        ("a/1.jpg", b"1"),
        ("a/1.json", json.dumps({"label": "wrong"}).encode()),
        ("a/1.cls", b" 1\n"),
        ("b/1.PNG", b"2"),
        ("b/1.json", json.dumps({"width": 3, "class": 0}).encode()),
        ("c.webp", b"3"),
        ("c.json", b"{}"),
        ("c.txt", "\ufeff雪碧".encode()),
        ("d.json", json.dumps({"label": CLASSES[0]}).encode()),
        ("d.seg.png", b"mask"),
        ("d.npy", b"depth"),
        ("d.jpg", b"4"),
        ("._d.jpg", b"of a Mac"),
    ]
    packing.pack_tar(tmp_path / "train-0.tar", members)
    (tmp_path / "classes.txt").write_text("\n".join(CLASSES) + "\n\n", encoding="utf-8")
    catalog = open_catalog(tmp_path)
    assert labels(catalog) == {"1.jpg": CLASSES[1], "1.PNG": CLASSES[0], "c.webp": CLASSES[1], "d.jpg": CLASSES[0]}
    assert catalog.notes == (
        "1 file was skipped, not an image by suffix: 1 .npy",
        "1 image was skipped because of a dot before the suffix, as in the names of masks: d.seg.png",
        *catalog.notes[2:],
    )


def test_numbers_without_names_are_classes(tmp_path: Path, packing: Any) -> None:
    shard = packing.pack_labelled_tar(tmp_path / "photos.tar", [("1.jpg", b"1", "7"), ("2.jpg", b"2", "12")])
    catalog = open_catalog(shard)
    assert catalog.class_names == ("12", "7")
    assert catalog.root == tmp_path
    assert any("classes.txt next to the shards" in note for note in catalog.notes)


@pytest.mark.parametrize(
    ("label", "message"),
    [
        (b"2", r"train-0\.tar/2\.jpg has the label 2, but there are only 2 class names"),
        ("芬达".encode(), r"train-0\.tar/2\.jpg has the class '芬达', which is not among the 2 listed names"),
        (b"", r"the label of .*train-0\.tar/2\.jpg is empty"),
        (b"a caption " * 40, r"is a text of 399 characters, not a class name: 'a caption"),
        (b"\xff\xfe", r"train-0\.tar/2\.cls is not UTF-8 text"),
    ],
)
def test_a_label_that_names_no_class_is_refused(tmp_path: Path, packing: Any, label: bytes, message: str) -> None:
    packing.pack_tar(tmp_path / "train-0.tar", [("1.jpg", b"1"), ("1.cls", b"0"), ("2.jpg", b"2"), ("2.cls", label)])
    (tmp_path / "classes.txt").write_text("\n".join(CLASSES), encoding="utf-8")
    with pytest.raises(UserError, match=message):
        open_catalog(tmp_path)


@pytest.mark.parametrize(
    ("members", "message"),
    [
        (
            ["1.jpg", "1.cls", "2.jpg", "3.jpg"],
            r"2 photos have no label: .*0\.tar/2\.jpg, .*3\.jpg; add a member .*\.cls",
        ),
        (["1.jpg", "1.cls", "1.png"], r"two photos with the key 1 \(1\.jpg, 1\.png\); give each photo a key"),
        (["1.cls"], "no images in"),
        (["1.jpg", "1.json"], r"0\.tar/1\.json is not valid JSON"),
    ],
)
def test_members_that_do_not_fit_together_are_named(
    tmp_path: Path, packing: Any, members: list[str], message: str
) -> None:
    packing.pack_tar(tmp_path / "train-0.tar", [(name, b"x") for name in members])
    with pytest.raises(UserError, match=message):
        open_catalog(tmp_path)


def test_an_empty_line_in_the_list_of_classes_is_refused(tmp_path: Path, packing: Any) -> None:
    packing.pack_labelled_tar(tmp_path / "train-0.tar", [("1.jpg", b"1", "0")])
    (tmp_path / "classes.txt").write_text("a\n\nb\n")
    with pytest.raises(UserError, match=r"classes\.txt, line 2 is empty"):
        open_catalog(tmp_path)


def test_shards_must_all_name_their_split_or_none(tmp_path: Path, packing: Any) -> None:
    for name in ("train-0.tar", "more.tar"):
        packing.pack_labelled_tar(tmp_path / name, [("1.jpg", b"1", "a")])
    with pytest.raises(UserError, match=r"some shards .* name their split and others do not \(more\.tar\)"):
        open_catalog(tmp_path, "webdataset")


def test_folders_of_shards_name_splits(tmp_path: Path, packing: Any) -> None:
    for split in ("train", "valid", "test"):
        photos = [(f"{split}{number}.jpg", split.encode(), name) for number, name in enumerate(CLASSES)]
        packing.pack_labelled_tar(tmp_path / split / "000000.tar", photos)
    catalog = open_catalog(tmp_path)
    assert [sample.split for sample in catalog.samples] == ["train", "train", "val", "val", "test", "test"]
    assert catalog.named_splits == {"train", "val", "test"}


def test_an_archive_beside_class_folders_is_no_data_set(tmp_path: Path, packing: Any) -> None:
    for name in CLASSES:
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.jpg").touch()
    packing.pack_labelled_tar(tmp_path / "backup.tar", [("1.jpg", b"1", "a")])
    assert detect_format(tmp_path) == "folder"


def test_shards_of_two_kinds_need_a_choice(tmp_path: Path, packing: Any, pyarrow: Any) -> None:
    packing.pack_labelled_tar(tmp_path / "train-0.tar", [("1.jpg", b"1", "a"), ("2.jpg", b"2", "b")])
    packing.write_parquet(tmp_path / "train-0.parquet", packing.rows_table([("1.jpg", b"1", 0), ("2.jpg", b"2", 1)]))
    with pytest.raises(UserError, match=r"Parquet or Arrow files as well as tar shards .*format='webdataset'"):
        open_catalog(tmp_path)
    assert open_catalog(tmp_path, "webdataset").class_names == ("a", "b")


def test_a_list_can_name_members_of_archives(tmp_path: Path, packing: Any) -> None:
    packing.pack_tar(tmp_path / "x.tar", [("1.jpg", b"1"), ("2.jpg", b"2")])
    (tmp_path / "list.csv").write_text("path,label\nx.tar/1.jpg,a\nx.tar/2.jpg,b\n")
    catalog = open_catalog(tmp_path)
    assert (catalog.format, labels(catalog)) == ("csv", {"1.jpg": "a", "2.jpg": "b"})


def test_rows_without_a_published_label_are_skipped(tmp_path: Path, packing: Any, pyarrow: Any) -> None:
    rows = [("1.jpg", b"1", 0), ("2.jpg", b"2", -1), ("3.jpg", b"3", 1)]
    packing.write_parquet(tmp_path / "train.parquet", packing.rows_table(rows, CLASSES))
    catalog = open_catalog(tmp_path)
    assert labels(catalog) == {"1.jpg": CLASSES[0], "3.jpg": CLASSES[1]}
    assert "1 row without a published label (-1) skipped" in catalog.notes


@pytest.mark.parametrize(
    ("label", "message"),
    [
        (None, r"1 row has no label in the column 'label' of .*train\.parquet \(row 1, from 0\); fill them in"),
        (5, r"row 1 of .*train\.parquet has the label 5, but there are only 2 class names"),
    ],
)
def test_a_row_whose_label_names_no_class_is_refused(
    tmp_path: Path, packing: Any, pyarrow: Any, label: int | None, message: str
) -> None:
    rows = [("1.jpg", b"1", 0), ("2.jpg", b"2", label)]
    packing.write_parquet(tmp_path / "train.parquet", packing.rows_table(rows, CLASSES))
    with pytest.raises(UserError, match=message):
        open_catalog(tmp_path)


def test_class_names_come_from_the_readme_of_a_data_set(tmp_path: Path, packing: Any, pyarrow: Any) -> None:
    packing.write_parquet(tmp_path / "data" / "train-0.parquet", packing.rows_table([("1", b"1", 0), ("2", b"2", 1)]))
    (tmp_path / "README.md").write_text(
        "---\ndataset_info:\n  features:\n  - name: image\n    dtype: image\n  - name: label\n    dtype:\n"
        f"      class_label:\n        names:\n          '1': {CLASSES[1]}\n          '0': {CLASSES[0]}\n---\n# Text\n",
        encoding="utf-8",
    )
    assert open_catalog(tmp_path).class_names == CLASSES
    (tmp_path / "README.md").write_text("---\n- [\n---\n")
    with pytest.raises(UserError, match=r"README\.md cannot be parsed"):
        open_catalog(tmp_path)


def test_a_class_column_can_have_a_dot_in_its_name(tmp_path: Path, packing: Any, pyarrow: Any) -> None:
    described = {"shop.name": {"names": list(CLASSES), "_type": "ClassLabel"}}
    table = pyarrow.table({"image": [b"1", b"2"], "shop.name": [0, 1]})
    metadata = {"huggingface": json.dumps({"info": {"features": described}})}
    for write in (packing.write_parquet, packing.write_arrow):
        file = write(tmp_path / write.__name__[6:] / f"a.{write.__name__[6:]}", table.replace_schema_metadata(metadata))
        assert open_catalog(file).class_names == CLASSES


def test_unknown_class_columns_are_listed(tmp_path: Path, pyarrow: Any, packing: Any) -> None:
    table = pyarrow.table({"image": [b"1", b"2"], "ean": ["4001", "4002"], "shop": [1, 1]})
    packing.write_parquet(tmp_path / "a.parquet", table)
    with pytest.raises(UserError, match=r"no class column; name .* 'label' .*columns: image, ean, shop"):
        open_catalog(tmp_path)
    packing.write_parquet(tmp_path / "a.parquet", table.rename_columns(["image", "sku", "shop"]))
    assert open_catalog(tmp_path).class_names == ("4001", "4002")


def test_a_missing_package_is_named_with_its_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.parquet").write_bytes(b"PAR1")
    monkeypatch.setattr("shelfmind.machine.packages.installed", lambda package: package != "pyarrow")
    with pytest.raises(UserError, match=r"PyArrow, which is not installed; run: pip install 'shelfmind\[parquet\]'"):
        open_catalog(tmp_path)
