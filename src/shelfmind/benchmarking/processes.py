"""Runs benchmark subjects in separate processes: in a worker that receives repeated requests, or as a whole command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shelfmind.errors import UserError
from shelfmind.images.photo_files import is_plain, read_file

_COMMAND = "from shelfmind.cli import main; main()"


class Worker:
    """A process of `worker`."""

    def __init__(self, wanted: Mapping[str, Any]) -> None:
        """Return once it is warmed up. Raises `UserError` if it cannot run the subject."""
        self.printed = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `close`
        self.process = subprocess.Popen(
            [sys.executable, "-m", "shelfmind.benchmarking.worker", json.dumps(wanted)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.printed,
            text=True,
        )
        try:
            self.facts = self._answer()
            if "error" in self.facts:
                raise UserError(str(self.facts["error"]))
        except BaseException:
            self.close()
            raise

    def milliseconds(self, batch: str, seconds: float) -> list[float]:
        """Milliseconds of each call with this batch size, for this many seconds."""
        assert self.process.stdin is not None
        with suppress(BrokenPipeError):  # if the process has ended, its answer says so
            print(json.dumps({"batch": batch, "seconds": seconds}), file=self.process.stdin, flush=True)
        return [float(each) for each in self._answer()["ms"]]

    def close(self) -> None:
        """End the process."""
        self.process.kill()
        self.process.communicate()
        self.printed.close()

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if line:
            return dict(json.loads(line))
        status = self.process.wait()
        raise UserError(f"a benchmark process exited with status {status}: {_last_line(self.printed)}")


@dataclass(frozen=True)
class CompletedCommand:
    """A completed command: its duration, and its peak memory if available on this system."""

    seconds: float
    memory_mb: float | None


def run_predict(place: Path, engine: str, photos: Sequence[Path], folder: Path) -> CompletedCommand:
    """Run `shelfmind predict` on photos, writing a CSV below `folder`, as a user would.

    Raises:
        UserError: it failed.
    """
    list_of = folder / "photos"
    list_of.mkdir(exist_ok=True)
    for number, photo in enumerate(photos):
        link = list_of / f"{number:06}{photo.suffix}"
        if not link.exists():
            if is_plain(photo):
                link.symlink_to(photo.absolute())
            else:
                link.write_bytes(read_file(photo))
    return _run(["predict", str(place), str(list_of), "--engine", engine, "--out", str(folder / "out.csv")])


def _run(arguments: Sequence[str]) -> CompletedCommand:
    with tempfile.TemporaryFile() as printed:
        began = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-c", _COMMAND, *arguments], stdout=printed, stderr=printed, stdin=subprocess.DEVNULL
        )
        memory_mb = None
        try:
            if hasattr(os, "wait4"):
                _, status, usage = os.wait4(process.pid, 0)
                process.returncode = os.waitstatus_to_exitcode(status)
                memory_mb = usage.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
            else:
                process.wait()
        except BaseException:
            process.kill()
            process.wait()
            raise
        seconds = time.perf_counter() - began
        if process.returncode:
            raise UserError(f"shelfmind {' '.join(arguments)} failed: {_last_line(printed)}")
    return CompletedCommand(seconds, memory_mb)


def _last_line(printed: Any) -> str:
    printed.seek(0)
    lines = printed.read().decode("utf-8", "replace").strip().splitlines()
    return lines[-1] if lines else "no output"
