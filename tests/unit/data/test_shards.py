"""Shards give the same catalog as folders, and say what is wrong with a label, a split or a column."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from shelfmind.data import detect_format, open_catalog, webdataset
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


SORTED_AS_TEXT = tuple(sorted(map(str, range(1, 13))))
"""1, 10, 11, 12, 2, 3: the names of folders 1 to 12, as `datasets` sorts them."""
MISLEADING = "some class names are numbers: .* so 1 is the class '10', not '1'"


def test_a_number_is_a_position_even_if_a_name_looks_like_it(tmp_path: Path, packing: Any, pyarrow: Any) -> None:
    rows = [(f"{name}.jpg", name.encode(), number) for number, name in enumerate(SORTED_AS_TEXT)]
    packing.write_parquet(tmp_path / "described" / "a.parquet", packing.rows_table(rows, SORTED_AS_TEXT))
    packing.write_parquet(tmp_path / "listed" / "a.parquet", packing.rows_table(rows))
    for kind, suffix in (("cls", "cls"), ("txt", "txt"), ("json", "json")):
        members = [(file, content) for file, content, _ in rows]
        texts = [json.dumps({"label": number}) if kind == "json" else str(number) for *_, number in rows]
        members += [(f"{name}.{suffix}", text.encode()) for name, text in zip(SORTED_AS_TEXT, texts, strict=True)]
        packing.pack_tar(tmp_path / kind / "a.tar", members)
    for name in ("described", "listed", "cls", "txt", "json"):
        if name != "described":
            (tmp_path / name / "classes.txt").write_text("\n".join(SORTED_AS_TEXT))
        catalog = open_catalog(tmp_path / name)
        assert labels(catalog) == {f"{name}.jpg": name for name in SORTED_AS_TEXT}
        assert any(re.match(MISLEADING, note) for note in catalog.notes) == (name != "described")


@pytest.mark.parametrize(
    ("names", "member", "label", "given"),
    [
        (["4001", "4002"], "cls", b"4002", "4002"),
        (["01", "02"], "cls", b"02", "02"),
        (["0", "1"], "cls", b"1", "1"),
        (SORTED_AS_TEXT, "cls", b"01", "10"),
        (SORTED_AS_TEXT, "json", b'{"label": "10"}', "10"),
    ],
)
def test_a_text_of_digits_is_a_name_unless_it_is_plain_and_could_be_a_number(
    tmp_path: Path, packing: Any, names: Sequence[str], member: str, label: bytes, given: str
) -> None:
    packing.pack_tar(tmp_path / "a.tar", [("1.jpg", b"1"), (f"1.{member}", label)])
    (tmp_path / "classes.txt").write_text("\n".join(names))
    assert labels(open_catalog(tmp_path, one_class=True)) == {"1.jpg": given}


@pytest.mark.parametrize(
    ("names", "member", "label", "message"),
    [
        (CLASSES, "json", b'{"label": -2}', r"1\.jpg has the label -2, but there are only 2 class names \(from 0\)$"),
        (["4001", "4002"], "json", b'{"label": 4002}', "only 2 class names .*; a name that is a number must be text"),
        (SORTED_AS_TEXT, "cls", b"12", r"has the label 12, a class name, but numbers in \.cls and \.txt count the 12"),
        (SORTED_AS_TEXT, "cls", b"13", "has the label 13, but there are only 12 class names"),
        (SORTED_AS_TEXT, "json", b'{"label": "0"}', "has the class '0', which is not among the 12 listed names"),
        (["01", "10", *"abcdefghi"], "cls", b"01", "has the label 01, a class name, but numbers in"),
    ],
)
def test_a_number_that_is_no_position_is_refused(
    tmp_path: Path, packing: Any, names: Sequence[str], member: str, label: bytes, message: str
) -> None:
    packing.pack_tar(tmp_path / "a.tar", [("1.jpg", b"1"), (f"1.{member}", label)])
    (tmp_path / "classes.txt").write_text("\n".join(names), encoding="utf-8")
    with pytest.raises(UserError, match=message):
        open_catalog(tmp_path, one_class=True)


def test_a_repeated_class_name_is_refused(tmp_path: Path, packing: Any, pyarrow: Any) -> None:
    rows = packing.rows_table([("1.jpg", b"1", 0), ("2.jpg", b"2", 2)])
    packing.write_parquet(tmp_path / "a.parquet", rows)
    names = ["cola", "sprite", "cola"]
    described = {"features": {"label": {"names": names, "_type": "ClassLabel"}}}
    for file, text, places in (
        ("README.md", f"---\n{json.dumps({'dataset_info': described})}\n---\n", "numbers 0 and 2"),
        ("dataset_info.json", json.dumps(described), "numbers 0 and 2"),
        ("classes.txt", "\n".join(names), "lines 1 and 3"),
    ):
        (tmp_path / file).write_text(text)
        with pytest.raises(UserError, match=rf"{file} names two classes 'cola' \({places}\); give each class a name"):
            open_catalog(tmp_path)
    packing.write_parquet(tmp_path / "own" / "a.parquet", packing.rows_table([("1.jpg", b"1", 0)], names))
    with pytest.raises(UserError, match=r"column 'label' of .*a\.parquet names two classes 'cola' \(numbers 0 and 2\)"):
        open_catalog(tmp_path / "own")


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


def test_shards_are_read_from_folders_at_any_depth(tmp_path: Path, packing: Any) -> None:
    for name in ("train/0.tar", "train/shop/2026/1.tar", "test/0.tar", "test/.old/1.tar"):
        photos = [(f"{number}.jpg", name.encode(), CLASSES[number]) for number in range(2)]
        packing.pack_labelled_tar(tmp_path / "data" / name, photos)
    (tmp_path / "data" / "train" / "shop" / "again").symlink_to(tmp_path / "data" / "train")
    catalog = open_catalog(tmp_path / "data")
    found = [(each.path.relative_to(tmp_path / "data").as_posix(), each.split) for each in catalog.samples]
    assert sorted(found) == [
        *((f"test/0.tar/{number}.jpg", "test") for number in range(2)),
        *((f"train/{shard}.tar/{number}.jpg", "train") for shard in ("0", "shop/2026/1") for number in range(2)),
    ]
    assert len(open_catalog(tmp_path / "data" / "train", "webdataset").samples) == 4
    packing.pack_labelled_tar(tmp_path / "data" / "more" / "new" / "0.tar", [("1.jpg", b"1", CLASSES[0])])
    with pytest.raises(UserError, match=r"name their split and others do not \(more/new/0\.tar\)"):
        open_catalog(tmp_path / "data")


def test_only_the_data_files_of_a_saved_data_set_are_read(tmp_path: Path, packing: Any, pyarrow: Any) -> None:
    table = packing.rows_table([(f"{number}.jpg", bytes([number]), number % 2) for number in range(20)], CLASSES)
    saved = tmp_path / "saved"
    for split in ("train", "test"):
        packing.write_arrow(saved / split / "data-00000-of-00001.arrow", table)
    before = open_catalog(saved)
    for name in ("train/cache-1b4c2de66a8a2a8f.arrow", "test/cache-1b4c_00000_of_00002.arrow", "test/tmpx1.arrow"):
        packing.write_arrow(saved / name, table)
    catalog = open_catalog(saved)
    skipped = "test/cache-1b4c_00000_of_00002.arrow, test/tmpx1.arrow, train/cache-1b4c2de66a8a2a8f.arrow"
    note = f"3 files were skipped, caches of datasets or not named by state.json: {skipped}"
    assert (catalog.samples, catalog.notes) == (before.samples, (note, *before.notes))
    assert len(open_catalog(saved / "train" / "cache-1b4c2de66a8a2a8f.arrow").samples) == 20

    (saved / "test" / "data-00000-of-00001.arrow").rename(saved / "test" / "cache-of-shop.arrow")
    packing.write_arrow(saved / "train" / "mapped.arrow", table)
    for split, name in (("train", "data-00000-of-00001.arrow"), ("test", "cache-of-shop.arrow")):
        (saved / split / "state.json").write_text(json.dumps({"_data_files": [{"filename": name}]}))
    catalog = open_catalog(saved)
    assert {each.path.parent.name for each in catalog.samples} == {"data-00000-of-00001.arrow", "cache-of-shop.arrow"}
    assert catalog.notes[0].startswith("4 files were skipped, caches of datasets or not named by state.json: test/")

    (saved / "test" / "cache-of-shop.arrow").unlink()
    with pytest.raises(UserError, match=r"test/state\.json names files that are missing: cache-of-shop\.arrow; copy"):
        open_catalog(saved)
    (saved / "test" / "state.json").write_text("[]")
    assert {each.path.parent.parent.name for each in open_catalog(saved).samples} == {"train"}


def test_a_folder_of_caches_alone_is_no_data_set(tmp_path: Path, packing: Any, pyarrow: Any) -> None:
    packing.write_arrow(tmp_path / "cache-1.arrow", packing.rows_table([("1.jpg", b"1", 0)], CLASSES))
    with pytest.raises(UserError, match=r"no Parquet files in .*; 1 file was skipped, a cache .*: cache-1\.arrow"):
        open_catalog(tmp_path)


@pytest.mark.parametrize("name", ["train-1.tar", "train-1.parquet"])
def test_a_shard_that_is_a_link_to_nowhere_is_named(tmp_path: Path, packing: Any, pyarrow: Any, name: str) -> None:
    packing.pack_labelled_tar(tmp_path / "train-0.tar", [("1.jpg", b"1", "a"), ("2.jpg", b"2", "b")])
    packing.write_parquet(tmp_path / "train-0.parquet", packing.rows_table([("1.jpg", b"1", 0), ("2.jpg", b"2", 1)]))
    (tmp_path / name).symlink_to(tmp_path / "gone")
    with pytest.raises(UserError, match=rf"/{name} cannot be read: No such file or directory; .* or remove the link"):
        open_catalog(tmp_path, "webdataset" if name.endswith("tar") else "parquet")


def test_a_shard_that_is_deleted_while_it_is_read_is_named(
    tmp_path: Path, packing: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(2):
        packing.pack_labelled_tar(tmp_path / f"{number}.tar", [("1.jpg", b"1", "a"), ("2.jpg", b"2", "b")])
    listed = webdataset.listed_classes
    monkeypatch.setattr(webdataset, "listed_classes", lambda root: (tmp_path / "1.tar").unlink() or listed(root))
    with pytest.raises(UserError, match=r"/1\.tar cannot be read: No such file or directory; copy it again"):
        open_catalog(tmp_path)


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
