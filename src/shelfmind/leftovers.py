"""Temporary files and folders are named by their process, so that those of killed processes are found and removed."""

from __future__ import annotations

import functools
import hashlib
import os
import platform
import re
import shutil
import time
from collections.abc import Iterable
from pathlib import Path

ABANDONED_S = 24 * 3600.0
"""Age after which a temporary file counts as abandoned if it is unknown whether its process is running."""
_OWNER = re.compile(r"\.(\d+)-([0-9a-f]{8})\.tmp")


def temporary(path: Path, kind: str = "") -> Path:
    """The name of this process's temporary file or folder next to `path`; it has the suffix of `path`."""
    return path.with_name(f".{path.name}.{os.getpid()}-{_machine()}.tmp{kind}{path.suffix}")


def temporaries(path: Path) -> Iterable[Path]:
    """The temporary files and folders next to `path`, of all processes."""
    start = f".{path.name}."
    try:
        with os.scandir(path.parent) as entries:
            return [path.parent / each.name for each in entries if each.name.startswith(start) and ".tmp" in each.name]
    except OSError:
        return []


def remove_abandoned(found: Iterable[Path]) -> None:
    """Remove those of these temporary files and folders whose process has ended."""
    for each in found:
        if is_abandoned(each):
            remove(each)


def is_abandoned(path: Path) -> bool:
    """Whether the process that its name contains has ended; on another machine, whether it is older than a day."""
    owner = _OWNER.search(path.name)
    if owner is None:
        return False
    if owner[2] == _machine() and os.name == "posix":
        return not _runs(int(owner[1]))
    try:
        return time.time() - os.lstat(path).st_mtime > ABANDONED_S
    except OSError:
        return False


def remove(path: Path) -> None:
    """Remove a file or folder, if possible."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        try:
            path.unlink()
        except OSError:
            pass


@functools.cache
def _machine() -> str:
    """Identifies what process numbers refer to: the host, and the container if this is one."""
    try:
        numbers = os.readlink("/proc/self/ns/pid")
    except OSError:
        numbers = ""
    return hashlib.sha256(f"{platform.node()}|{numbers}".encode()).hexdigest()[:8]


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it is another user's
        return True
    return True
