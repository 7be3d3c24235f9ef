"""Lists of images in CSV files as people really save them."""

from __future__ import annotations

from pathlib import Path

import pytest

from shelfmind.data import open_catalog
from shelfmind.errors import UserError


def listed(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "list.csv"
    path.write_bytes(text.encode(encoding))
    return path


SPLIT = "path,label,split\n1.jpg,b,train\n2.jpg,a,train\nx/3.jpg,a,VALID\n/tmp/4.jpg,b,test\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", ", "])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_splits_and_paths(encoding: str, delimiter: str, line_end: str, tmp_path: Path) -> None:
    path = listed(tmp_path, SPLIT.replace(",", delimiter).replace("\n", line_end), encoding)
    catalog = open_catalog(path)
    assert (catalog.format, catalog.class_names, catalog.root, catalog.notes) == ("csv", ("a", "b"), tmp_path, ())
    assert [(str(sample.path), sample.label, sample.split) for sample in catalog.samples] == [
        (f"{tmp_path}/2.jpg", 0, "train"),
        (f"{tmp_path}/1.jpg", 1, "train"),
        (f"{tmp_path}/x/3.jpg", 0, "val"),
        ("/tmp/4.jpg", 1, "test"),
    ]


def test_the_only_list_in_a_folder_is_found(tmp_path: Path) -> None:
    listed(tmp_path, SPLIT)
    (tmp_path / "bad_files.csv").write_text("path,reason\n")
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "1.jpg").touch()
    (tmp_path / ".list.csv.1-00000000.tmp.csv").write_text(SPLIT)  # another process is writing it
    assert open_catalog(tmp_path).format == "csv"
    (tmp_path / "other.csv").write_text(SPLIT)
    with pytest.raises(UserError, match=r"list\.csv, other\.csv"):
        open_catalog(tmp_path)


def test_a_suffix_may_be_in_capitals(tmp_path: Path) -> None:
    listed(tmp_path, SPLIT).rename(tmp_path / "LIST.CSV")
    assert open_catalog(tmp_path).format == "csv"


def test_quoted_cells_chinese_labels_blank_lines_and_further_columns(tmp_path: Path) -> None:
    text = 'Label,price,PATH\n可乐（大）,3,"a, b.jpg"\n\n"茶 ""绿""",,c.jpg\n可乐（大）,3,d.jpg\n'
    catalog = open_catalog(listed(tmp_path, text))
    assert catalog.class_names == ('茶 "绿"', "可乐（大）") or catalog.class_names == ("可乐（大）", '茶 "绿"')
    assert {sample.path.name for sample in catalog.samples} == {"a, b.jpg", "c.jpg", "d.jpg"}


def test_without_splits_one_is_made(tmp_path: Path) -> None:
    rows = "".join(f"{number}.jpg,{'ab'[number % 2]}\n" for number in range(100))
    catalog = open_catalog(listed(tmp_path, "path,label\n" + rows))
    assert [len(catalog.split(name)) for name in ("train", "val", "test")] == [80, 10, 10]


def test_a_list_written_on_windows(tmp_path: Path) -> None:
    catalog = open_catalog(listed(tmp_path, "path,label,split\nx\\1.jpg,a,train\nx\\2.jpg,b,val\n"))
    assert catalog.samples[0].path == tmp_path / "x" / "1.jpg"


def test_repeated_lines_count_once(tmp_path: Path) -> None:
    catalog = open_catalog(listed(tmp_path, SPLIT + "1.jpg,b,train\n"))
    assert len(catalog.samples) == 4
    assert "1 line of" in catalog.notes[0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1.jpg,a\n2.jpg,b\n", "path,label"),
        ("", "path,label"),
        ("path,label\n", "no images"),
        ("path,label\n1.jpg,a\n2.jpg\n", "line 3: the label is empty"),
        ("path,label\n,a\n", "line 2: the path is empty"),
        ("path,label,split\n1.jpg,a,trian\n", "train"),
        ("path,label,split\n1.jpg,a,train\n2.jpg,b,\n", "line 3: the split is empty"),
        ("path,label\n1.jpg,a\n1.jpg,b\n", "lines 2 and 3"),
        ("path,label,split\n1.jpg,a,train\n1.jpg,a,test\n", "lines 2 and 3"),
        ("path,label\n1.jpg,a\n2.jpg,a\n", "only one class"),
        ("path,label\n1.jpg,可乐（大）\n2.jpg,可乐(大)\n", "line 3.*line 2"),
        ('path,label\n1.jpg,"a\n', "not a CSV"),
    ],
)
def test_mistakes_are_named(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=message):
        open_catalog(listed(tmp_path, text))


def test_other_encodings_are_named(tmp_path: Path) -> None:
    path = listed(tmp_path, "path,label\n1.jpg,可乐\n2.jpg,茶\n", "gbk")
    with pytest.raises(UserError, match="UTF-8"):
        open_catalog(path)
