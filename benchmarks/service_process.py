"""Start and stop a service for a benchmark."""

from __future__ import annotations

import contextlib
import http.client
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

COMMAND = str(Path(sys.executable).with_name("shelfmind"))


def free_port() -> int:
    """Return a free port."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


@contextlib.contextmanager
def running(command: Sequence[object], port: int, path: str, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Start a process that answers at `path` within two minutes; stop it afterwards."""
    with open(log, "ab") as stream:
        process = subprocess.Popen([str(word) for word in command], stdout=stream, stderr=stream)
    try:
        wait_for(port, path, process)
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(70)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def wait_for(port: int, path: str, process: subprocess.Popen[bytes] | None = None, seconds: float = 120.0) -> None:
    """Wait for any answer."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if process is not None and process.poll() is not None:
            raise SystemExit(f"the service ended with {process.returncode}; see its log")
        with contextlib.suppress(OSError, http.client.HTTPException):
            line = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            line.request("GET", path)
            line.getresponse().read()
            return
        time.sleep(0.005)
    raise SystemExit("the service does not answer")


def serve(network: Path, port: int, state: Path, *words: object) -> list[object]:
    """Return the command of a service."""
    return [COMMAND, "serve", network, "--port", port, "--state", state, *words]


def some_photos(folder: Path, number: int, seed: int) -> list[bytes]:
    """Return a random sample of the photo files in a folder."""
    found = sorted(folder.rglob("*.jpg"))
    random.Random(seed).shuffle(found)
    return [path.read_bytes() for path in found[:number]]


def memory_mb(process: int) -> float:
    """Return the memory of a process and its children (PSS)."""
    total = 0
    for each in (process, *children(process)):
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{each}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1])
    return total / 1024


def children(process: int) -> list[int]:
    """Return the child processes of a process."""
    try:
        return [int(each) for each in Path(f"/proc/{process}/task/{process}/children").read_text().split()]
    except OSError:
        return []


def cpu_seconds(process: int) -> float:
    """Return the CPU time of a process and its children."""
    ticks = 0
    for each in (process, *children(process)):
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")
