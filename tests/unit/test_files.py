"""Files are whole or absent, whatever goes wrong while they are written."""

from __future__ import annotations

import errno
import json
import os
import stat
from pathlib import Path

import pytest

from shelfmind.errors import UserError
from shelfmind.files import write_json, write_text, write_whole


def left_in(folder: Path) -> list[str]:
    return sorted(os.listdir(folder))


def test_a_file_is_written_and_replaced(tmp_path: Path) -> None:
    path = tmp_path / "名.json"
    write_text(path, "old")
    write_json(path, {"名": [1, 2]})
    assert json.loads(path.read_text(encoding="utf-8")) == {"名": [1, 2]}
    assert "名" in path.read_text(encoding="utf-8")
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert left_in(tmp_path) == ["名.json"]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EACCES])
@pytest.mark.parametrize("moment", ["write", "fsync", "replace"])
def test_a_failure_leaves_the_old_file(
    number: int, moment: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "kept.txt"
    write_text(path, "old")

    def fail(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    def write(temporary: Path) -> None:
        temporary.write_text("new")
        if moment == "write":
            fail()

    if moment != "write":
        monkeypatch.setattr(os, moment, fail)
    with pytest.raises(UserError, match="cannot be written") as caught:
        write_whole(path, write)
    monkeypatch.undo()
    assert ("no space left" in str(caught.value)) == (number != errno.EACCES)
    assert path.read_text() == "old"
    assert left_in(tmp_path) == ["kept.txt"]


def test_an_error_of_another_kind_passes_and_leaves_nothing(tmp_path: Path) -> None:
    def write(temporary: Path) -> None:
        temporary.write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_whole(tmp_path / "new.txt", write)
    assert left_in(tmp_path) == []


def test_a_folder_that_does_not_exist_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be written"):
        write_text(tmp_path / "none" / "file.txt", "text")
