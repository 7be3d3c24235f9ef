"""Paths, folders and patterns name the images that one expects, in an order that one expects."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from shelfmind.data.listing import list_images
from shelfmind.errors import UserError

ORDER = ["1.jpg", "2.JPG", "10.png", "可乐.webp", "a/3.jpg", "b2/1.jpg", "b10/1.jpg", "b10/雪碧/x y.bmp"]
LEFT_OUT = [".hidden.jpg", ".folder/4.jpg", "notes.txt", "b2/._1.jpg"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the images of `ORDER`, made in another order, and what must not be found."""
    root = tmp_path / "照片"
    for name in [*reversed(LEFT_OUT), *reversed(ORDER)]:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return root


def found(*paths: object) -> list[Path]:
    from shelfmind.inference.predict_files import find_images

    return list(find_images([str(path) for path in paths]))


def test_a_folder_gives_all_images_below_it_as_training_reads_them(folder: Path, mindspore: Any) -> None:
    assert found(folder) == [folder / name for name in ORDER] == list_images(folder).images


@pytest.mark.parametrize("kind", ["link", "@eaDir", "__MACOSX"])
def test_links_and_the_systems_folders_are_treated_as_in_training(kind: str, folder: Path, mindspore: Any) -> None:
    if kind == "link":
        (folder.parent / "elsewhere").mkdir()
        (folder.parent / "elsewhere" / "5.jpg").touch()
        (folder / "link").symlink_to(folder.parent / "elsewhere")
    else:
        (folder / kind).mkdir()
        (folder / kind / "5.jpg").touch()
    assert found(folder) == list_images(folder).images


def test_what_a_folder_holds_besides_images_is_named(folder: Path, mindspore: Any) -> None:
    from shelfmind.inference.predict_files import count_images

    (folder / "a" / "poster.psd").touch()
    (folder / "a" / "loop").symlink_to(folder)
    (folder / "photo.heic").touch()
    total, notes = count_images([str(folder), str(folder / "b2")])
    assert total == len(ORDER) + 2
    assert notes == [
        "2 files were skipped, not an image by suffix: 1 .psd, 1 .txt",
        f"circular links were not followed: {folder / 'a' / 'loop'}",
    ]
    assert count_images([str(folder / "1.jpg")]) == (1, [])


def test_a_folder_without_images_says_what_it_holds(folder: Path, mindspore: Any) -> None:
    from shelfmind.inference.predict_files import count_images

    (folder / "none").mkdir()
    (folder / "none" / "poster.psd").touch()
    with pytest.raises(UserError, match=r"no image in .*none; 1 file was skipped, not an image by suffix: 1 \.psd"):
        count_images([str(folder / "none")])


def test_files_are_taken_as_they_are(folder: Path, mindspore: Any) -> None:
    for name in LEFT_OUT:
        assert found(folder / name) == [folder / name]
    odd = folder / "a[1]*.jpg"
    odd.touch()
    assert found(odd) == [odd]


def test_patterns_are_sorted_and_may_match_folders(folder: Path, mindspore: Any) -> None:
    assert found(folder / "*.[jJ][pP][gG]") == [folder / "1.jpg", folder / "2.JPG"]
    assert found(folder / "b*") == [folder / name for name in ORDER[5:]]
    assert found(folder / "**" / "1.jpg") == [folder / name for name in ("1.jpg", "b2/1.jpg", "b10/1.jpg")]
    assert found(folder / "none*") == []


def test_what_is_named_twice_comes_twice_in_the_order_named(folder: Path, mindspore: Any) -> None:
    one, two = folder / "1.jpg", folder / "2.JPG"
    assert found(two, one, two, folder / "a", folder / "a" / "*") == [two, one, two, *[folder / "a" / "3.jpg"] * 2]


def test_a_folder_that_cannot_be_read_is_not_passed_over(
    folder: Path, mindspore: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.scandir

    def locked(path: Any) -> Any:
        if os.fspath(path) == os.fspath(folder / "b2"):
            raise PermissionError(errno.EACCES, "Permission denied", os.fspath(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", locked)
    with pytest.raises(UserError, match="b2"):
        found(folder)


def test_a_path_that_names_nothing_is_refused(folder: Path, mindspore: Any) -> None:
    from shelfmind.inference.predict_files import require_existing

    (folder / "broken.jpg").symlink_to(folder / "nowhere.jpg")
    for name in ("", "1.jpg", "*.JPG", "**/3.jpg", "broken.jpg"):
        require_existing(str(folder / name))
    for name in ("5.jpg", "*.gif", "none/*"):
        with pytest.raises(UserError, match="no such file or folder"):
            require_existing(str(folder / name))


def test_a_list_of_bad_files_is_this_ones(tmp_path: Path, mindspore: Any) -> None:
    from shelfmind.inference.predict_files import PredictionOutcome, _with_bad_list
    from shelfmind.records import BadFile

    out, bad_list = tmp_path / "out.csv", tmp_path / "out.csv.bad_files.csv"
    bad = PredictionOutcome(images=2, bad_files=[BadFile(Path("坏.jpg"), "zero bytes")])
    assert _with_bad_list(bad, out).bad_list == bad_list
    assert "坏.jpg,zero bytes" in bad_list.read_text("utf-8")
    assert _with_bad_list(PredictionOutcome(images=2), out).bad_list is None
    assert not bad_list.exists()  # that of an earlier call would be taken for this one's
