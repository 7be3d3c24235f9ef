"""What a path holds is found out, or the user is told what was looked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from shelfmind.data import SOURCES, open_catalog
from shelfmind.errors import UserError


def test_a_missing_path_names_what_exists(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=f"no such file or folder.*{tmp_path}"):
        open_catalog(tmp_path / "none" / "deeper")


def test_an_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"looked for.*found an empty folder"):
        open_catalog(tmp_path)


def test_an_unknown_folder_says_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "a.txt").touch()
    with pytest.raises(UserError, match=r"found docs/, 1 \.txt file"):
        open_catalog(tmp_path)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("photos.zip", b"PK", "archive"),
        ("photo.jpg", b"\xff\xd8\xff\xe0", "not a UTF-8 CSV"),
        ("list.csv", b"a,b\n1,2\n", "path,label"),
        ("list.csv", b"", "path,label"),
    ],
)
def test_a_file_that_is_no_list(name: str, content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=message):
        open_catalog(tmp_path / name)


def test_two_formats_at_once_are_the_users_choice(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.jpg").touch()
    (tmp_path / "list.csv").write_text("path,label\na/1.jpg,x\nb/1.jpg,y\n")
    with pytest.raises(UserError, match=r"a CSV file .* as well as class folders .*format='csv', or format='folder'"):
        open_catalog(tmp_path)
    assert open_catalog(tmp_path, "csv").class_names == ("x", "y")
    assert open_catalog(tmp_path, "folder").class_names == ("a", "b")
    assert open_catalog(tmp_path / "list.csv").format == "csv"


def test_an_unknown_format_names_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="did you mean folder"):
        open_catalog(tmp_path, "folders")


@pytest.mark.parametrize("format", SOURCES)
def test_every_source_refuses_an_empty_folder(format: str, tmp_path: Path) -> None:
    with pytest.raises(UserError):
        open_catalog(tmp_path, format)


@pytest.mark.parametrize("format", sorted(set(SOURCES) - {"csv"}))
def test_every_source_refuses_a_file(format: str, tmp_path: Path) -> None:
    (tmp_path / "file.txt").touch()
    with pytest.raises(UserError):
        open_catalog(tmp_path / "file.txt", format)


def test_relative_paths_become_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a", "b"):
        (tmp_path / "data" / name).mkdir(parents=True)
        (tmp_path / "data" / name / "1.jpg").touch()
    monkeypatch.chdir(tmp_path)
    assert open_catalog(Path("data")) == open_catalog(tmp_path / "data")
