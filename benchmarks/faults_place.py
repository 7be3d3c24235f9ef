"""Runs commands in a folder of their own, in forked processes that can be killed at any step; used by `faults.py`.

The parent has imported what the commands need, so that a process starts in milliseconds and is killed while it works,
not while it imports.
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shelfmind.errors import UserError

CHANGING = frozenset(
    [
        "os.rename",
        "os.link",
        "os.symlink",
        "os.remove",
        "os.mkdir",
        "os.rmdir",
        "os.truncate",
        "os.utime",
        "os.chmod",
        "shutil.rmtree",
        "sqlite3.connect",
    ]
)
"""Audit events of Python before a file system changes; opening a file for writing is another one."""
COMMAND = [sys.executable, "-c", "from shelfmind.cli import main; main()"]
Work = Sequence[str] | Callable[[], None]
"""A command's words, or a function."""


@dataclass(frozen=True)
class Ended:
    """How a process ended: its exit status (negative: the signal), what it printed, and the steps that it took."""

    status: int
    said: str
    steps: int
    seconds: float

    @property
    def done(self) -> int:
        """The number of commands that it acknowledged."""
        return self.said.count("\ndone ")


class Place:
    """The folder in which one round takes place: always the same path, so that results can be compared."""

    def __init__(self, root: Path, inputs: Path) -> None:
        self.root, self.inputs, self.aside = root, inputs, root.with_name(f"{root.name}-aside")
        self.cache = root / "cache"
        self.expected: object = None

    def renew(self) -> None:
        """Start again with a copy of the inputs; their times are kept."""
        for each in self.root.iterdir() if self.root.exists() else ():
            shutil.rmtree(each) if each.is_dir() and not each.is_symlink() else each.unlink()
        shutil.copytree(self.inputs, self.root, dirs_exist_ok=True)
        shutil.rmtree(self.aside, ignore_errors=True)
        (self.aside / "tmp").mkdir(parents=True)

    def files(self) -> set[str]:
        """The names of all files, hidden ones included."""
        return {path.relative_to(self.root).as_posix() for path in self.root.rglob("*") if path.is_file()}

    def bytes(self) -> int:
        """What all files take."""
        return sum(path.lstat().st_blocks * 512 for path in self.root.rglob("*"))

    def run(self, works: Sequence[Work], kill_at: int | None = None, kill_after: float | None = None) -> Ended:
        """Run commands or functions in turn, in a process that is killed at a step, after some seconds, or never."""
        began, said, steps = time.monotonic(), self.aside / "said", self.aside / "steps"
        steps.write_text("0")
        said.write_text("")
        process = os.fork()
        if process == 0:
            self._work(works, said, steps, kill_at)
        if kill_after is not None:
            time.sleep(kill_after)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process, signal.SIGKILL)
        _, status = os.waitpid(process, 0)
        text = "\n" + said.read_text(errors="replace")
        return Ended(os.waitstatus_to_exitcode(status), text, int(steps.read_text() or 0), time.monotonic() - began)

    def run_later(self, works: Sequence[Sequence[str]], variables: dict[str, str]) -> Ended:
        """Run commands in processes of their own, with other variables."""
        status, said, began = 0, "", time.monotonic()
        for words in works:
            done = subprocess.run(
                [*COMMAND, *words],
                cwd=self.root,
                env={**os.environ, **self._variables(), **variables},
                capture_output=True,
                text=True,
            )
            status, said = done.returncode, f"{said}\n{done.stdout}{done.stderr}"
            if status:
                break
        return Ended(status, said, 0, time.monotonic() - began)

    def _variables(self) -> dict[str, str]:
        return {"SHELFMIND_CACHE": str(self.cache), "TMPDIR": str(self.aside / "tmp"), "COLUMNS": "200"}

    def _work(self, works: Sequence[Work], said: Path, steps: Path, kill_at: int | None) -> None:
        status = 1
        try:
            os.setsid()
            stream = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(stream, 1)
            os.dup2(stream, 2)
            os.chdir(self.root)
            os.environ.update(self._variables())
            tempfile.tempdir = None
            counter = Steps(str(self.root), kill_at)
            sys.addaudithook(counter)
            status = 0
            for number, work in enumerate(works):
                status = _status_of(work)
                if status:
                    break
                sys.stdout.flush()
                os.write(1, f"\ndone {number}\n".encode())
            counter.kill_at = None
            steps.write_text(str(counter.count))
        except BaseException:
            status = 1
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)


class Steps:
    """Counts the changes of files below a folder, and kills the process before one of them."""

    def __init__(self, root: str, kill_at: int | None) -> None:
        self.root, self.kill_at, self.count = root, kill_at, 0

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, mode, flags = (*arguments, None, 0)[:3]
            writes = bool((flags or 0) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)) or any(
                each in str(mode or "") for each in "wax+"
            )
            if not writes:
                return
        elif event in CHANGING:
            path = arguments[0] if arguments else ""
        else:
            return
        if isinstance(path, int) or not os.path.abspath(os.fsdecode(path)).startswith(self.root):
            return
        self.count += 1
        if self.count == self.kill_at:
            os.kill(os.getpid(), signal.SIGKILL)


def _status_of(work: Work) -> int:
    if callable(work):
        try:
            work()
        except UserError as error:
            print(f"shelfmind: {error}", file=sys.stderr)
            return UserError.status
        return 0
    from shelfmind.cli import main

    sys.argv = ["shelfmind", *work]
    try:
        main()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0


def flip(path: Path, rng: random.Random) -> int:
    """Flip one bit of a file. Return the position of its byte."""
    content = bytearray(path.read_bytes())
    at = rng.randrange(len(content))
    content[at] ^= 1 << rng.randrange(8)
    path.chmod(0o644)
    path.write_bytes(content)
    return at
