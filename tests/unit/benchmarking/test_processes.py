"""The processes of a benchmark."""

from __future__ import annotations

import subprocess
import sys
import tempfile

import pytest

from shelfmind.benchmarking.processes import Worker
from shelfmind.errors import UserError


def test_a_process_that_was_killed_while_idle_is_reported() -> None:
    worker = Worker.__new__(Worker)
    worker.printed = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `close`
    code = "import sys; print('ready', flush=True); sys.stdin.read()"
    worker.process = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=worker.printed, text=True
    )
    assert worker.process.stdout is not None
    worker.process.stdout.readline()
    worker.process.kill()
    worker.process.wait()
    with pytest.raises(UserError, match="exited with status -9"):
        worker.milliseconds("1", 0.1)
    worker.close()
