"""Files are whole or absent, whatever goes wrong while they are written."""

from __future__ import annotations

import errno
import json
import os
import stat
import tempfile
from pathlib import Path

import pytest

from shelfmind import files
from shelfmind.errors import UserError
from shelfmind.files import (
    atomic_folder,
    keep_most_recent,
    make_folder,
    require_writable,
    write_atomically,
    write_json,
    write_text,
)


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
        write_atomically(path, write)
    monkeypatch.undo()
    assert ("no space left" in str(caught.value)) == (number != errno.EACCES)
    assert path.read_text() == "old"
    assert left_in(tmp_path) == ["kept.txt"]


def test_an_error_of_another_kind_passes_and_leaves_nothing(tmp_path: Path) -> None:
    def write(temporary: Path) -> None:
        temporary.write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_atomically(tmp_path / "new.txt", write)
    assert left_in(tmp_path) == []


def test_a_folder_that_does_not_exist_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be written"):
        write_text(tmp_path / "none" / "file.txt", "text")


def test_only_the_most_recent_files_of_a_pattern_are_kept(tmp_path: Path) -> None:
    for age, name in enumerate(("new.npz", "newer.npy", "old.npz", "oldest.npz", ".a.npz.1-00000000.tmp.npz")):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (1000 - age, 1000 - age))
    (tmp_path / "gone.npz").symlink_to(tmp_path / "deleted by another process")
    keep_most_recent(tmp_path, "*.npz", 1)
    assert left_in(tmp_path) == [".a.npz.1-00000000.tmp.npz", "gone.npz", "new.npz", "newer.npy"]


@pytest.mark.parametrize("error", [FileNotFoundError, PermissionError])
def test_a_file_that_cannot_be_deleted_stays(
    error: type[OSError], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a.npz", "b.npz"):
        (tmp_path / name).touch()

    def fail(path: Path, missing_ok: bool = False) -> None:
        raise error(os.fspath(path))

    monkeypatch.setattr(Path, "unlink", fail)
    keep_most_recent(tmp_path, "*.npz", 0)
    assert left_in(tmp_path) == ["a.npz", "b.npz"]


OURS = frozenset({"a.txt"})


def test_a_folder_appears_when_all_is_written(tmp_path: Path) -> None:
    out = tmp_path / "结果" / "folder"
    with atomic_folder(out) as folder:
        (folder / "a.txt").write_text("a")
        assert not out.exists()
    assert (out / "a.txt").read_text() == "a"
    assert left_in(tmp_path / "结果") == ["folder"]


@pytest.mark.parametrize("error", [KeyboardInterrupt(), ValueError("no")])
def test_a_folder_that_is_not_finished_is_removed(error: BaseException, tmp_path: Path) -> None:
    def write() -> None:
        with atomic_folder(tmp_path / "folder") as folder:
            (folder / "a.txt").write_text("a")
            raise error

    with pytest.raises(type(error)):
        write()
    assert left_in(tmp_path) == []


def test_a_full_disk_is_the_users_to_mend(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(UserError, match="no space left"), atomic_folder(tmp_path / "folder"):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert left_in(tmp_path) == ["folder"]


def test_an_empty_folder_is_taken_and_a_filled_one_is_not(tmp_path: Path) -> None:
    out = tmp_path / "folder"
    out.mkdir()
    with atomic_folder(out) as folder:
        (folder / "a.txt").write_text("a")
    for overwrite, ours, said in ((False, OURS, "with overwrite=True"), (False, frozenset(), "not an empty folder")):
        with pytest.raises(UserError, match=said), atomic_folder(out, ours=ours, overwrite=overwrite):
            pass
    with atomic_folder(out, ours=OURS, overwrite=True) as folder:
        (folder / "a.txt").write_text("b")
    assert (out / "a.txt").read_text() == "b"
    (out / "mine.txt").touch()
    with pytest.raises(UserError, match=r"mine\.txt"), atomic_folder(out, ours=OURS, overwrite=True):
        pass
    assert left_in(out) == ["a.txt", "mine.txt"]
    assert left_in(tmp_path) == ["folder"]


def test_what_someone_else_wrote_meanwhile_is_not_lost(tmp_path: Path) -> None:
    out = tmp_path / "folder"

    def write() -> None:
        with atomic_folder(out):
            out.mkdir()
            (out / "theirs.txt").touch()

    with pytest.raises(UserError, match="not an empty folder"):
        write()
    assert left_in(out) == ["theirs.txt"]
    assert left_in(tmp_path) == ["folder"]


def test_if_the_new_folder_cannot_be_moved_the_old_one_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "folder"
    with atomic_folder(out) as folder:
        (folder / "a.txt").write_text("old")
    rename = os.replace

    def fail(source: Path, target: Path) -> None:
        if ".tmp" in source.name and not source.name.endswith("former"):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        rename(source, target)

    monkeypatch.setattr(os, "replace", fail)
    monkeypatch.setattr(files, "_swapped", lambda *_: False)
    with (
        pytest.raises(UserError, match="cannot be written"),
        atomic_folder(out, ours=OURS, overwrite=True) as new,
    ):
        (new / "a.txt").write_text("new")
    assert (out / "a.txt").read_text() == "old"
    assert left_in(tmp_path) == ["folder"]


def test_a_folder_cannot_take_the_place_of_a_file_or_lie_in_one(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="is a file"), atomic_folder(tmp_path / "file"):
        pass
    with pytest.raises(UserError, match="cannot be"), atomic_folder(tmp_path / "file" / "folder"):
        pass


def test_a_folder_is_made_with_those_above_it(tmp_path: Path) -> None:
    for _ in range(2):
        make_folder(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()


@pytest.mark.parametrize("below", ["", "c", "c/d"])
def test_a_folder_below_a_file_names_the_file(below: str, tmp_path: Path) -> None:
    (tmp_path / "plain.txt").touch()
    with pytest.raises(UserError, match=r"cannot be created: .*plain\.txt is a file"):
        make_folder(tmp_path / "plain.txt" / below)
    with pytest.raises(UserError, match=r"cannot be written: .*plain\.txt is a file"):
        require_writable(tmp_path / "plain.txt" / below / "figures.json")


@pytest.mark.parametrize("code", [errno.EACCES, errno.EROFS, errno.ENOSPC])
def test_a_place_that_cannot_be_written_is_the_users_to_mend(
    code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(code, os.strerror(code))

    require_writable(tmp_path / "figures.json")
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(UserError, match="cannot be created"):
        make_folder(tmp_path / "a")
    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    with pytest.raises(UserError, match=r"figures\.json cannot be written"):
        require_writable(tmp_path / "figures.json")


def test_an_output_must_not_be_a_folder_or_lie_in_none(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="it is a folder"):
        require_writable(tmp_path)
    with pytest.raises(UserError, match=r"the folder .*none does not exist"):
        require_writable(tmp_path / "none" / "figures.json")


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="a folder that nobody may write into is needed")
def test_a_folder_that_is_there_must_take_files() -> None:
    with pytest.raises(UserError, match=r"^/proc/self cannot be written: "):
        make_folder(Path("/proc/self"))
