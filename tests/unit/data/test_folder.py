"""Class folders, with and without splits, tidy and untidy."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from shelfmind.data import open_catalog
from shelfmind.data.classes import normalise_class_name
from shelfmind.data.listing import natural_key
from shelfmind.errors import UserError
from shelfmind.records import Catalog


def plant(root: Path, files: dict[str, int], suffix: str = ".jpg") -> Path:
    """Folders with so many (empty) image files each; sources do not open them."""
    for folder, count in files.items():
        (root / folder).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            (root / folder / f"{number}{suffix}").touch()
    return root


def counts(catalog: Catalog) -> tuple[int, int, int]:
    return len(catalog.split("train")), len(catalog.split("val")), len(catalog.split("test"))


def test_splits_given_are_kept(tmp_path: Path) -> None:
    splits = {f"{split}/{name}": 3 for split in ("train", "val", "test") for name in ("b", "a")}
    catalog = open_catalog(plant(tmp_path, splits))
    assert (catalog.format, catalog.class_names, counts(catalog), catalog.notes) == (
        "folder",
        ("a", "b"),
        (6, 6, 6),
        (),
    )
    assert catalog.samples[0].path == tmp_path / "train/a/0.jpg"
    assert all(sample.path.parent.name == "ab"[sample.label] for sample in catalog.samples)


@pytest.mark.parametrize("name", ["valid", "Validation"])
def test_val_has_other_names(name: str, tmp_path: Path) -> None:
    catalog = open_catalog(plant(tmp_path, {"Train/a": 2, "Train/b": 2, f"{name}/a": 1, f"{name}/b": 1}))
    assert counts(catalog) == (4, 2, 0)


def test_one_level_is_split_the_same_way_each_time(tmp_path: Path) -> None:
    plant(tmp_path, {"a": 50, "b": 50, "c/deep/er": 20})
    first = open_catalog(tmp_path, seed=4)
    assert counts(first) == (96, 12, 12)
    assert first == open_catalog(tmp_path, seed=4)
    assert first.samples != open_catalog(tmp_path, seed=5).samples
    assert "seed 4" in first.notes[0]
    assert (first.class_counts("train") >= 16).all()


def test_missing_val_is_carved_out_of_train(tmp_path: Path) -> None:
    catalog = open_catalog(plant(tmp_path, {"train/a": 30, "train/b": 30, "test/a": 5, "test/b": 5}))
    assert counts(catalog) == (54, 6, 10)
    assert {sample.path.parts[-3] for sample in catalog.split("val")} == {"train"}
    assert "no val split" in catalog.notes[0]


def test_only_a_test_split_can_be_evaluated(tmp_path: Path) -> None:
    catalog = open_catalog(plant(tmp_path, {"test/a": 3, "test/b": 3}))
    assert counts(catalog) == (0, 0, 6)
    assert "no training images" in catalog.notes[0]


def test_empty_and_one_image_classes_are_noted(tmp_path: Path) -> None:
    catalog = open_catalog(plant(tmp_path, {"a": 10, "empty": 0, "single": 1, "b": 10}))
    assert catalog.class_names == ("a", "b", "empty", "single")
    assert [sample.split for sample in catalog.samples if sample.label == 3] == ["train"]
    assert any("without images" in note and "empty" in note for note in catalog.notes)
    assert any("single image" in note and "single" in note for note in catalog.notes)


def test_classes_that_are_never_trained_are_noted(tmp_path: Path) -> None:
    plant(tmp_path, {"train/a": 2, "train/b": 2, "val/a": 1, "test/a": 2, "test/new": 2})
    assert any("without training images" in note and "new" in note for note in open_catalog(tmp_path).notes)


def test_chinese_names_and_suffixes_in_capitals(tmp_path: Path) -> None:
    plant(tmp_path, {"可乐（大）": 2, "可乐（小）": 2}, ".PNG")
    (tmp_path / "可乐（小）" / "截屏2019-12-09下午7.49.21.png").touch()
    catalog = open_catalog(tmp_path)
    assert catalog.class_names == tuple(sorted(["可乐（大）", "可乐（小）"]))
    assert len(catalog.samples) == 5


def test_what_is_no_image_is_passed_over(tmp_path: Path) -> None:
    plant(tmp_path, {"a": 3, "b": 3, ".git/x": 2, "__MACOSX/a": 2})
    for name in (".DS_Store", "Thumbs.db", "._0.jpg", "notes.txt", "price.TXT", "noname"):
        (tmp_path / "a" / name).touch()
    (tmp_path / "loose.jpg").touch()
    catalog = open_catalog(tmp_path)
    assert catalog.class_names == ("a", "b")
    assert len(catalog.samples) == 6
    assert any("3 files" in note and "2 .txt" in note for note in catalog.notes)
    assert any("loose.jpg" in note for note in catalog.notes)


def test_folders_beside_the_splits_are_noted(tmp_path: Path) -> None:
    plant(tmp_path, {"train/a": 2, "train/b": 2, "val/a": 1, "val/b": 1, "backup/a": 2})
    assert any("backup" in note for note in open_catalog(tmp_path).notes)


def test_a_product_called_train(tmp_path: Path) -> None:
    assert open_catalog(plant(tmp_path, {"train": 5, "doll": 5, "ball": 5})).class_names == ("ball", "doll", "train")


def test_two_names_for_one_split(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="val split"):
        open_catalog(plant(tmp_path, {"train/a": 1, "train/b": 1, "val/a": 1, "valid/a": 1}))


def test_images_in_no_class_folder(tmp_path: Path) -> None:
    for root in (plant(tmp_path / "flat", {"": 3}), plant(tmp_path / "flat_splits", {"train": 3, "test": 3})):
        with pytest.raises(UserError, match="not in class folders"):
            open_catalog(root)


def test_links_are_followed_but_not_in_circles(tmp_path: Path) -> None:
    plant(tmp_path / "store", {"a": 3})
    root = plant(tmp_path / "data", {"b": 3, "c": 0})
    (root / "a").symlink_to(tmp_path / "store" / "a")
    (root / "c" / "one.jpg").symlink_to(tmp_path / "store" / "a" / "0.jpg")
    (root / "b" / "circle").symlink_to(root)
    (root / "b" / "broken.jpg").symlink_to(tmp_path / "gone.jpg")
    catalog = open_catalog(root)
    assert catalog.class_names == ("a", "b", "c")
    assert root / "b" / "broken.jpg" in {sample.path for sample in catalog.samples}


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("可乐（大）", "可乐(大)"),
        ("Coca  Cola", "Coca Cola"),
        ("tea", "tea "),
        ("caf\u00e9", "cafe\u0301"),
        ("ＡＢ", "AB"),
    ],
)
@pytest.mark.parametrize("layout", [("", ""), ("train/", "train/"), ("train/", "test/")])
def test_names_that_are_the_same_after_normalising(
    first: str, second: str, layout: tuple[str, str], tmp_path: Path
) -> None:
    plant(tmp_path, {f"{layout[0]}{first}": 2, f"{layout[1]}{second}": 2, f"{layout[0]}other": 2})
    if len({path.name for path in tmp_path.rglob("*") if path.is_dir()} - {"train", "test"}) < 3:
        pytest.skip("this file system joins the two names")
    with pytest.raises(UserError, match="same after normalising") as caught:
        open_catalog(tmp_path)
    message = str(caught.value)
    assert f"{layout[0]}{first}" in message
    assert f"{layout[1]}{second}" in message
    if first.startswith("caf"):
        assert ascii(first) in message


def test_names_that_are_the_same_may_be_asked_for(tmp_path: Path) -> None:
    for name in ("可乐（大）", "可乐(大)"):
        (tmp_path / name).mkdir()
        for number in range(2):
            (tmp_path / name / f"{number}.jpg").touch()
    assert open_catalog(tmp_path, same_names=True).class_names == ("可乐(大)", "可乐（大）")


def test_normalised_class_names() -> None:
    assert normalise_class_name("  可乐（大）\u3000  500ｍｌ ") == "可乐(大) 500ml"


def test_one_class_only(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"only one class.*at least two"):
        open_catalog(plant(tmp_path, {"a": 5, "empty": 0}))


def test_a_folder_too_high_up(tmp_path: Path) -> None:
    plant(tmp_path, {"photos/train/a": 2, "photos/train/b": 2})
    with pytest.raises(UserError, match=r"did you mean .*photos\?"):
        open_catalog(tmp_path)


def test_natural_order(tmp_path: Path) -> None:
    plant(tmp_path, {"train/a": 12, "train/b": 1, "val/a": 1, "val/b": 1})
    names = [sample.path.name for sample in open_catalog(tmp_path).split("train")][:12]
    assert names == [f"{number}.jpg" for number in range(12)]
    assert sorted(["b1", "b01", "a10", "a9", "1", "a"], key=natural_key) == ["1", "a", "a9", "a10", "b01", "b1"]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the superuser may read every folder")
@pytest.mark.parametrize("mode", [0o000, 0o444, 0o111])
@pytest.mark.parametrize("closed", ["", "a", "a/deep"])
def test_folders_without_permission(closed: str, mode: int, tmp_path: Path) -> None:
    root = plant(tmp_path / "data", {"a": 2, "b": 2, "a/deep": 1})
    (root / closed).chmod(mode)
    message = ""
    try:
        open_catalog(root)
    except UserError as error:
        message = str(error)
    finally:
        (root / closed).chmod(0o755)
    names_can_be_listed = mode == 0o444 and closed  # then the check finds that the files cannot be read
    assert names_can_be_listed or "no permission" in message


def test_a_folder_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(tmp_path, {"a": 2, "b": 2})
    real = os.scandir

    def scandir(path: str | Path) -> object:
        if Path(path).name == "b":
            raise PermissionError(13, "denied")
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    with pytest.raises(UserError, match="no permission to read the folder"):
        open_catalog(tmp_path)


def note_with(word: str, catalog: Catalog) -> str:
    found = [note for note in catalog.notes if word in note]
    assert len(found) == 1, catalog.notes
    return found[0]


@pytest.mark.parametrize("suffix", [".heic", ".HEIF", ".hif", ".avif", ".jfif", ".jpe"])
def test_photos_of_phones_and_browsers_are_counted(suffix: str, tmp_path: Path) -> None:
    catalog = open_catalog(plant(tmp_path, {"a": 3, "b": 3}, suffix))
    assert len(catalog.samples) == 6


def test_a_circle_of_links_gives_no_photo_twice_and_is_named(tmp_path: Path) -> None:
    root = plant(tmp_path / "data", {"a": 3, "b/deep": 3})
    (root / "a" / "loop").symlink_to(root / "a")
    (root / "b" / "deep" / "up").symlink_to(root)
    (root / "self").symlink_to("self")
    (root / "all").symlink_to(root)
    (root / "above").symlink_to(tmp_path)
    catalog = open_catalog(root)
    assert catalog.class_names == ("a", "b")
    assert len(catalog.samples) == 6
    note = note_with("circular links", catalog)
    assert all(name in note for name in ("a/loop", "b/deep/up", "self", "all", "above"))


def test_a_circle_over_two_links_gives_no_photo_twice(tmp_path: Path) -> None:
    root = plant(tmp_path / "data", {"train/a": 3, "train/b": 3})
    store = plant(tmp_path / "store", {"c": 2})
    (root / "train" / "c").symlink_to(store / "c")
    (store / "c" / "back").symlink_to(root / "train")
    catalog = open_catalog(root)
    assert catalog.class_names == ("a", "b", "c")
    assert len(catalog.samples) == 8
    assert "train/c/back" in note_with("circular links", catalog)


def test_links_that_lead_out_of_the_data_set_are_followed_and_named(tmp_path: Path) -> None:
    root = plant(tmp_path / "data", {"a": 3, "b": 3, "plain": 2, "within": 0})
    store = plant(tmp_path / "store", {"shelf": 4})
    (root / "c").symlink_to(store / "shelf")
    (root / "a" / "more").symlink_to(store / "shelf")
    (root / "b" / "out.jpg").symlink_to(store / "shelf" / "0.jpg")
    (root / "b" / "in.jpg").symlink_to("0.jpg")
    (root / "within" / "plain").symlink_to(root / "plain")
    catalog = open_catalog(root)
    assert len(catalog.samples) == (3 + 4) + (3 + 2) + 2 + 2 + 4
    folders, files = note_with("to folders outside", catalog), note_with("link to a file outside", catalog)
    assert "a/more" in folders
    assert str(store / "shelf") in folders
    assert "within" not in folders
    assert files.startswith("1 ")
    assert "b/out.jpg" in files


def test_a_data_set_that_is_itself_a_link_leads_nowhere_out(tmp_path: Path) -> None:
    plant(tmp_path / "store", {"a": 10, "b": 10})
    (tmp_path / "store" / "a" / "twin.jpg").symlink_to(tmp_path / "store" / "a" / "0.jpg")
    (tmp_path / "data").symlink_to(tmp_path / "store")
    catalog = open_catalog(tmp_path / "data")
    assert not any("outside" in note or "circle" in note for note in catalog.notes)


def test_subfolders_that_become_one_class_are_named(tmp_path: Path) -> None:
    catalog = open_catalog(plant(tmp_path, {"Drinks/Cola": 5, "Drinks/Fanta": 5, "Snacks/Chips/2024": 5, "Tea": 5}))
    assert catalog.class_names == ("Drinks", "Snacks", "Tea")
    note = note_with("Drinks", catalog)
    assert "Drinks (Cola, Fanta)" in note
    assert "Snacks" not in note


def test_one_file_left_out_is_one_file(tmp_path: Path) -> None:
    root = plant(tmp_path, {"a": 3, "b": 3})
    (root / "a" / "drawing.psd").touch()
    assert note_with(".psd", open_catalog(root)) == "1 file was skipped, not an image by suffix: 1 .psd"
