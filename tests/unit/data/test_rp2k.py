"""RP2K as its users hold it: Chinese names, PNG screenshots, the mirror's meta.csv."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest

from shelfmind.data import open_catalog
from shelfmind.errors import UserError

CLASSES = ("555（金）", "others", "可口可乐（听装）330ml")
SCREENSHOT = "截屏2019-12-09下午7.49.21.png"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Per class 40 training images (a quarter PNG, one a screenshot) and 4 test images."""
    for name in CLASSES:
        for split, count in (("train", 40), ("test", 4)):
            folder = tmp_path / "rp2k" / "all" / split / name
            folder.mkdir(parents=True)
            for number in range(count - 1):
                (folder / f"0{number}{'.png' if number % 4 == 0 else '.JPG'}").touch()
            (folder / SCREENSHOT).touch()
    return tmp_path / "rp2k"


def write_meta(root: Path, without: str = "\0") -> Path:
    paths = sorted(path.relative_to(root).as_posix() for path in (root / "all").rglob("*.*"))
    lines = [f"{number},{path}" for number, path in enumerate(paths) if not path.endswith(without)]
    (root / "meta.csv").write_text("\n".join(["instance_id,image_path", *lines]) + "\n", encoding="utf-8")
    return root / "meta.csv"


@pytest.mark.parametrize("below", ["", "all"])
@pytest.mark.parametrize("meta", [False, True])
def test_all_images_are_found(below: str, meta: bool, root: Path) -> None:
    if meta:
        write_meta(root)
    catalog = open_catalog(root / below)
    assert (catalog.format, catalog.class_names) == ("rp2k", CLASSES)
    assert (len(catalog.split("train")), len(catalog.split("val")), len(catalog.split("test"))) == (114, 6, 12)
    assert sum(sample.path.name == SCREENSHOT for sample in catalog.samples) == 6
    assert {sample.path for sample in catalog.samples} == {
        path for path in root.rglob("*.*") if path.name != "meta.csv"
    }
    assert len(catalog.notes) == 1
    assert all(sample.path.parent.name == CLASSES[sample.label] for sample in catalog.samples)


def test_no_png_is_lost_where_the_meta_file_has_none(root: Path) -> None:
    write_meta(root, without=".png")
    catalog = open_catalog(root)
    assert len(catalog.samples) == 132
    assert any("not in meta.csv" in note for note in catalog.notes)


def test_rows_without_a_file_stay_for_the_check(root: Path) -> None:
    write_meta(root)
    (root / "all" / "train" / "others" / "01.JPG").unlink()
    catalog = open_catalog(root)
    assert root / "all/train/others/01.JPG" in {sample.path for sample in catalog.samples}
    assert any("1 row of meta.csv without a file" in note for note in catalog.notes)


def test_rows_may_begin_elsewhere(root: Path) -> None:
    meta = write_meta(root)
    text = meta.read_text(encoding="utf-8").replace(",all/", ",./rp2k/all/").replace("/", "\\")
    meta.write_text("\ufeff" + text, encoding="utf-8")
    assert len(open_catalog(root).samples) == 132


def test_composed_and_decomposed_rows_are_the_same_file(root: Path) -> None:
    accented = root / "all" / "train" / unicodedata.normalize("NFD", "café")
    accented.mkdir()
    (accented / "1.jpg").touch()
    meta = write_meta(root)
    meta.write_text(unicodedata.normalize("NFC", meta.read_text(encoding="utf-8")), encoding="utf-8")
    catalog = open_catalog(root)
    assert len(catalog.samples) == 133
    assert accented / "1.jpg" in {sample.path for sample in catalog.samples}


@pytest.mark.parametrize("row", ["7", "7,somewhere.jpg"])
def test_rows_that_make_no_sense_are_named(row: str, root: Path) -> None:
    meta = write_meta(root)
    meta.write_text(f"instance_id,image_path\n{row}\n", encoding="utf-8")
    with pytest.raises(UserError, match="line 2"):
        open_catalog(root)


def test_another_meta_file_is_left_out_with_a_note(root: Path) -> None:
    (root / "meta.csv").write_text("a,b\n1,2\n")
    assert any("was ignored" in note for note in open_catalog(root).notes)


def test_a_mirror_without_the_folder_all(root: Path) -> None:
    write_meta(root)
    bare = (root / "all").rename(root.parent / "bare")
    (root / "meta.csv").rename(bare / "meta.csv")
    catalog = open_catalog(bare)
    assert (catalog.format, len(catalog.samples)) == ("rp2k", 132)


def test_what_is_not_rp2k(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="not RP2K"):
        open_catalog(tmp_path, "rp2k")
