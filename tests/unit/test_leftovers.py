"""Temporary files of killed processes are found and removed, those of running ones and of other machines are not."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from shelfmind import files, leftovers
from shelfmind.files import atomic_folder, scratch_in_cache, write_text
from shelfmind.inference.parts import Parts, here
from shelfmind.prediction_files import prediction_writer

KILLED = """
import os, signal, sys
from pathlib import Path
from shelfmind import files, leftovers

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

path, moment = Path(sys.argv[1]), sys.argv[2]
if moment == "file":
    files.write_atomically(path, lambda temporary: (temporary.write_text("half"), die()))
elif moment == "folder without a mark":
    os.mkdir(leftovers.temporary(path, "-1"))
elif moment == "scratch":
    with files.scratch_in_cache() as folder:
        die()
else:
    from shelfmind.prediction_files import prediction_writer
    with prediction_writer(path, 3) as writer:
        die()
"""


def left_by_a_killed_process(path: Path, moment: str) -> list[str]:
    before = set(path.parent.iterdir())
    subprocess.run([sys.executable, "-c", KILLED, str(path), moment], check=False, env=os.environ)
    (left,) = set(path.parent.iterdir()) - before
    assert left.name.startswith(".")
    return [left.name]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("moment", ["file", "predictions"])
def test_a_file_that_is_written_again_has_no_leftovers(moment: str, tmp_path: Path) -> None:
    path = tmp_path / "答案.npz"
    assert left_by_a_killed_process(path, moment)
    with prediction_writer(path, 3):
        pass
    write_text(path, "whole")
    assert names(tmp_path) == ["答案.npz"]


def test_a_partial_folder_without_a_mark_is_removed(tmp_path: Path) -> None:
    left_by_a_killed_process(tmp_path / "out", "folder without a mark")
    with atomic_folder(tmp_path / "out"):
        pass
    assert names(tmp_path) == ["out"]


def test_scratch_in_caches_of_killed_processes_are_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELFMIND_CACHE", str(tmp_path))
    left = left_by_a_killed_process(tmp_path / "any", "scratch")
    with scratch_in_cache() as folder:
        assert names(tmp_path) == [folder.name] != left
    assert names(tmp_path) == []


def test_what_may_be_in_use_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "x"
    elsewhere = tmp_path / ".x.1-00000000.tmp"
    mine, others = leftovers.temporary(path), tmp_path / ".x.y.tmp"
    for each in (elsewhere, mine, others):
        each.touch()
    leftovers.remove_abandoned(leftovers.temporaries(path))
    assert names(tmp_path) == sorted([elsewhere.name, mine.name, others.name])
    long_ago = time.time() - leftovers.ABANDONED_S - 1
    for each in (elsewhere, mine, others):
        os.utime(each, (long_ago, long_ago))
    leftovers.remove_abandoned(leftovers.temporaries(path))
    assert names(tmp_path) == sorted([mine.name, others.name])


def test_a_folder_that_is_replaced_is_never_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out, moved = tmp_path / "out", []
    with atomic_folder(out) as folder:
        (folder / "a").write_text("old")
    monkeypatch.setattr(os, "replace", lambda *paths: moved.append(paths))
    if not files._swapped(out, out):
        pytest.skip("this system cannot swap folders")
    with atomic_folder(out, ours=frozenset("a"), overwrite=True) as folder:
        (folder / "a").write_text("new")
    assert (out / "a").read_text() == "new"
    assert not moved
    assert names(tmp_path) == ["out"]


def test_a_folder_that_was_being_replaced_is_kept_until_there_is_a_new_one(tmp_path: Path) -> None:
    """Where folders cannot be swapped, a process that is killed between two renames leaves the old one aside."""
    aside = tmp_path / ".out.2-00000000.tmp-1.former"
    aside.mkdir()
    (aside / "a").write_text("old")
    os.utime(aside, (0, 0))
    with pytest.raises(KeyError), atomic_folder(tmp_path / "out"):
        raise KeyError
    assert names(tmp_path) == [aside.name]
    for _ in range(2):
        with atomic_folder(tmp_path / "out", overwrite=True):
            pass
    assert names(tmp_path) == ["out"]


def test_a_part_that_was_being_written_is_not_joined(tmp_path: Path) -> None:
    parts = Parts(tmp_path / "out.txt", {"data": "x", "digest": "1"}, ".txt")
    parts.open()
    (parts.folder / f".000000.txt.{2**22 + 1}-00000000.tmp.txt").write_text("half")
    assert list(parts.run([1, 2, 3], 2, here(lambda chosen: str(chosen).encode()))) == [2, 1]
    assert [path.name for path in parts.finished()] == ["000000.txt", "000001.txt"]


def test_parts_without_their_plan_are_not_reused(tmp_path: Path) -> None:
    """Their job was finished, and its process was killed while it deleted them."""
    parts = Parts(tmp_path / "out.txt", {"data": "x", "digest": "1"}, ".txt")
    parts.open()
    list(parts.run([1], 1, here(lambda chosen: b"of the first job")))
    (parts.folder / "plan.json").unlink()
    again = Parts(parts.out, {"data": "x", "digest": "2"}, ".txt")
    again.open()
    assert again.finished() == []
