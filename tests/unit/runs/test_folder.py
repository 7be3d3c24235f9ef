"""A run folder is made once, read back as written, and never half-way when something was cut or damaged."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from shelfmind.errors import UserError
from shelfmind.files import write_text
from shelfmind.recipe import load_recipe
from shelfmind.runs.folder import RunFolder, alone_in, create_run_folder, note_if_unfinished, read_json

ENTRIES: list[dict[str, Any]] = [{"epoch": 0, "val_top1": None}, {"epoch": 1, "note": "第 1 轮"}]


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    """A run with its recipe, classes, log and last weights."""
    run = create_run_folder(tmp_path / "运行" / "一")
    write_text(run.recipe, load_recipe("demo").dump())
    run.write_classes(["可乐", "雪碧"], [3, 4])
    run.write_log(ENTRIES)
    run.last.write_text("last")
    run.best.write_text("best")
    return run


def test_what_was_written_comes_back(run: RunFolder) -> None:
    run.require()
    assert run.read_recipe() == load_recipe("demo")
    assert run.read_classes() == (("可乐", "雪碧"), (3, 4))
    assert run.read_log() == ENTRIES


def test_a_log_that_was_cut_anywhere_keeps_its_whole_lines(run: RunFolder) -> None:
    content = run.log.read_bytes()
    first = content.index(b"\n")
    for kept in range(len(content) - 1):
        run.log.write_bytes(content[:kept])
        assert run.read_log() == ENTRIES[: kept >= first]
    run.log.unlink()
    assert run.read_log() == []


@pytest.mark.parametrize("linked", [True, False])
def test_what_is_offered_is_the_chosen_file(linked: bool, run: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*paths: object) -> None:
        raise OSError(errno.EPERM, "this file system has no links")

    if not linked:
        monkeypatch.setattr(os, "link", refuse)
    before = sorted(path.name for path in run.root.iterdir())
    for chosen in (run.last, run.best, run.best, run.last):
        run.select(chosen)
        assert run.weights.read_text() == chosen.stem
        assert run.weights.samefile(chosen) == linked
    assert sorted(path.name for path in run.root.iterdir()) == sorted([*before, "weights.ckpt"])


def test_only_a_run_is_taken_for_one(run: RunFolder, tmp_path: Path) -> None:
    for root, said in ((tmp_path / "none", "there is no run at"), (tmp_path, "is not a run folder")):
        with pytest.raises(UserError, match=said):
            RunFolder(root).require()
        with pytest.raises(UserError, match=said):
            RunFolder(root).read_recipe()


def test_a_new_run_takes_no_folder_that_is_in_use(run: RunFolder, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="resume="):
        create_run_folder(run.root)
    file = tmp_path / "file"
    file.touch()
    for root in (file, file / "below"):
        with pytest.raises(UserError, match=r"exists and is not empty|cannot be created"):
            create_run_folder(root)
    (tmp_path / "empty").mkdir()
    assert create_run_folder(tmp_path / "empty") == RunFolder(tmp_path / "empty")


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b'{"names": 3}', b'{"names": ["a"]}', b"\xff\xfe\x00"])
def test_damaged_classes_are_the_users_to_mend(content: bytes, run: RunFolder) -> None:
    run.classes.write_bytes(content)
    with pytest.raises(UserError, match=r"classes\.json"):
        run.read_classes()


@pytest.mark.parametrize("content", [b"", b"[1]", b"train: [", b"unknown: 1", b"\xff\xfe\x00"])
def test_a_damaged_recipe_is_the_users_to_mend(content: bytes, run: RunFolder) -> None:
    run.recipe.write_bytes(content)
    with pytest.raises(UserError, match=r"recipe\.yaml"):
        run.read_recipe()


def test_json_that_is_missing_is_the_users_to_mend(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        read_json(tmp_path / "none.json")


def test_warnings_are_read_from_the_end_of_the_log(tmp_path):
    run = RunFolder(tmp_path)
    assert run.read_warnings() == ()
    run.write_log([{"epoch": 0}])
    assert run.read_warnings() == ()
    run.write_log([{"epoch": 0}, {"epoch": 1, "warnings": ["short"]}])
    assert run.read_warnings() == ("short",)


def test_a_run_without_weights_says_what_to_do(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    with pytest.raises(UserError, match=r"no weights yet.*resume"):
        run.require_weights()
    run.write_log([{"epoch": 0, "progress": 1.0}])
    with pytest.raises(UserError, match="is missing; restore it"):
        run.require_weights()
    run.weights.touch()
    run.require_weights()


def test_only_an_unfinished_run_is_noted(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    assert note_if_unfinished(tmp_path) == []  # not a run, or an exported file
    run.state.touch()
    run.write_log([{"epoch": 0, "progress": 0.5}])
    (note,) = note_if_unfinished(tmp_path)
    assert "stopped at 50%" in note
    run.write_log([{"epoch": 0, "progress": 0.5}, {"epoch": 1, "progress": 1.0}])
    assert note_if_unfinished(tmp_path) == []


HOLDER = """
import sys, time
from pathlib import Path
from shelfmind.runs.folder import RunFolder, alone_in
with alone_in(RunFolder(Path(sys.argv[1]))):
    print("alone", flush=True)
    time.sleep(60)
"""


def test_only_one_process_trains_a_run_and_a_killed_one_is_no_obstacle(run: RunFolder) -> None:
    before = sorted(run.root.iterdir())
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(run.root)], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        with pytest.raises(UserError, match=r"一 is being trained by another process"), alone_in(run):
            pass
        holder.send_signal(signal.SIGKILL)
    assert run.in_training.exists()
    with alone_in(run), pytest.raises(UserError, match="is being trained"), alone_in(run):
        pass
    assert sorted(run.root.iterdir()) == before


def test_a_run_that_never_began_counts_as_empty_with_its_lock(tmp_path: Path) -> None:
    run = create_run_folder(tmp_path / "run")
    run.in_training.touch()
    create_run_folder(tmp_path / "run")


def test_a_lock_whose_file_was_deleted_is_taken_again(run: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    lock, taken = fcntl.flock, []

    def flock(stream: Any, how: int) -> None:
        lock(stream, how)
        taken.append(stream)
        if len(taken) == 1:
            run.in_training.unlink()  # by the process that held it

    monkeypatch.setattr(fcntl, "flock", flock)
    with alone_in(run):
        assert len(taken) == 2
        assert run.in_training.exists()


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EBADF, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_is_no_obstacle(
    run: RunFolder, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def flock(stream: Any, how: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", flock)
    with alone_in(run):
        pass


def test_a_folder_that_cannot_be_written_is_no_obstacle(tmp_path: Path) -> None:
    with alone_in(RunFolder(tmp_path / "gone")):
        assert list(tmp_path.iterdir()) == []
