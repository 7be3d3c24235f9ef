"""A folder is whole or absent, and what a killed process left is removed by the next attempt."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from shelfmind.errors import UserError
from shelfmind.files import atomic_folder, require_free_folder

KILLED = """
import os, signal, sys
from pathlib import Path
from shelfmind.files import atomic_folder
with atomic_folder(Path(sys.argv[1])) as folder:
    (folder / "half.jpg").write_bytes(b"half")
    if sys.argv[2] == "wait":
        print("here", flush=True)
        sys.stdin.read()
    os.kill(os.getpid(), signal.SIGKILL)
"""


def hidden(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.name.startswith(".")]


def fill(out: Path, error: type[BaseException] | None = None) -> None:
    with atomic_folder(out) as folder:
        (folder / "x").write_text("x")
        assert not out.exists() or not list(out.iterdir())
        if error is not None:
            raise error


@pytest.mark.parametrize("name", ["deep/out", "empty"])
def test_a_folder_appears_when_all_is_written(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    fill(tmp_path / name)
    assert [path.name for path in (tmp_path / name).iterdir()] == ["x"]
    assert not hidden((tmp_path / name).parent)


@pytest.mark.parametrize("content", [[], ["x"]])
def test_the_folder_that_the_shell_stands_in_is_not_replaced(
    content: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in content:
        (tmp_path / name).touch()
    for out in (Path(), tmp_path):
        with pytest.raises(UserError, match=r"is the working directory, which cannot be replaced; .* such as out='"):
            require_free_folder(out, ours=frozenset("x"), overwrite=True)
    with pytest.raises(UserError, match="is the working directory"), atomic_folder(Path()):
        pass
    require_free_folder(Path(), ours=frozenset("x"), overwrite=True, replaced=False)
    assert [path.name for path in tmp_path.iterdir()] == content


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_a_failure_leaves_nothing(tmp_path: Path, error: type[BaseException]) -> None:
    with pytest.raises(error):
        fill(tmp_path / "out", error)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("number", "said"), [(errno.ENOSPC, "no space left"), (errno.EIO, "Input/output error")])
def test_a_failing_disk_is_a_clear_error(tmp_path: Path, number: int, said: str) -> None:
    with pytest.raises(UserError, match=rf"out cannot be written: .*{said}"), atomic_folder(tmp_path / "out"):
        raise OSError(number, os.strerror(number), "some file")
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "x").write_text("x")
    (tmp_path / "broken").symlink_to(tmp_path / "nowhere")
    for name in ("file", "folder", "broken"):
        with pytest.raises(UserError, match=f"{name} is "):
            require_free_folder(tmp_path / name)
        with pytest.raises(UserError, match=f"{name} is "):
            fill(tmp_path / name)


def test_what_a_killed_process_left_is_removed_by_the_next_and_a_living_one_is_left_alone(tmp_path: Path) -> None:
    out = tmp_path / "o[u]t*"
    command = [sys.executable, "-c", KILLED, str(out)]
    assert subprocess.run([*command, "die"], check=False).returncode == -9
    with subprocess.Popen([*command, "wait"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as living:
        assert living.stdout is not None
        living.stdout.readline()  # it has removed what the first left
        (left,) = hidden(tmp_path)
        fill(out)
        assert hidden(tmp_path) == [left]
        living.communicate()
    assert [path.name for path in out.iterdir()] == ["x"]
    shutil.rmtree(out)
    fill(out)
    assert not hidden(tmp_path)
