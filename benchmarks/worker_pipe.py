"""One worker process per framework, controlled by JSON lines; sleeps on its pipe in between (standard library only)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

Commands = dict[str, Callable[..., dict[str, Any]]]


class WorkerError(Exception):
    """A worker could not be started, or stopped; the message ends with its last output."""


def serve(commands: Commands) -> None:
    """Obey ``{"command": name, ...arguments}`` lines from stdin until it closes.

    Answers go to the first stdout; what libraries print goes to stderr.
    """
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        arguments = json.loads(line)
        print(json.dumps(commands[arguments.pop("command")](**arguments)), file=answers, flush=True)


class Worker:
    """The coordinator's side of a worker; `printed` is the file with all output of the worker's libraries."""

    def __init__(self, python: str, script: Path, arguments: list[str], environment: dict[str, str]) -> None:
        self.name = script.stem
        self.printed = tempfile.NamedTemporaryFile(prefix=f"{self.name}-")  # noqa: SIM115 - closed by `close`
        try:
            self.process = subprocess.Popen(
                [python, str(script), *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self.printed,
                text=True,
                env={**os.environ, **environment},
            )
        except OSError as error:
            self.printed.close()
            raise WorkerError(f"{python} cannot be started: {error.strerror}") from error

    def ask(self, command: str, **arguments: Any) -> dict[str, Any]:
        """Run a command and wait for its answer."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        try:
            print(json.dumps({"command": command, **arguments}), file=self.process.stdin, flush=True)
            answer = self.process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            last = "\n  ".join(self.text().strip().splitlines()[-8:])
            raise WorkerError(f"{self.name} stopped with status {self.process.wait()}:\n  {last}")
        return dict(json.loads(answer))

    def text(self, start: int = 0) -> str:
        """Return the libraries' output from byte `start` on."""
        return Path(self.printed.name).read_bytes()[start:].decode(errors="replace")

    def cpu_s(self) -> float:
        """Return the CPU seconds that the worker has used so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def close(self) -> None:
        """Stop the worker."""
        self.process.kill()
        self.process.communicate()
        self.printed.close()
