"""Who changed what, when: a line before a change is tried and a line on what came of it, each on the disk at once."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from threading import Lock
from typing import Any

from shelfmind.errors import UserError
from shelfmind.files import sync_folder

try:
    import fcntl
except ImportError:  # Windows: appending a line at once has to do
    fcntl = None  # type: ignore[assignment]

ASKED, DONE, REFUSED = "asked", "done", "refused"


class AuditLog:
    """A file of JSON lines that is only ever appended to, by any number of processes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = Lock()

    def append(self, event: str, who: Mapping[str, Any], action: str, what: Mapping[str, Any]) -> None:
        """Add a line, and return when it is on the disk.

        Raises:
            UserError: it cannot be written; then nothing should be changed.
        """
        now = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
        record = {"time": now, "event": event, **who, "action": action, **what}
        append_line(self.path, json.dumps(record, ensure_ascii=False), self._lock)


def append_line(path: Path, line: str, lock: Lock) -> None:
    """Add a line of text to a file, whole and synced; what a crash left of a line before it is ended first.

    Raises:
        UserError: it cannot be written; the file is as it was then.
    """
    content = line.encode("utf-8", "backslashreplace") + b"\n"
    try:
        is_new = not path.exists()
        path.parent.mkdir(parents=True, exist_ok=True)
        opening = os.O_RDWR | os.O_APPEND | os.O_CREAT
        with lock, open(os.open(path, opening, 0o600), "rb+", buffering=0) as log:
            if fcntl is not None:
                fcntl.flock(log, fcntl.LOCK_EX)
            _append(log.fileno(), content)
        if is_new:
            sync_folder(path.parent)
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror or error}; nothing was changed") from error


def _append(handle: int, content: bytes) -> None:
    end = os.fstat(handle).st_size
    cut = end > 0 and os.pread(handle, 1, end - 1) != b"\n"
    try:
        content = b"\n" + content if cut else content
        if os.write(handle, content) != len(content):
            raise OSError("the disk took only a part of a line")
        os.fsync(handle)
    except OSError:
        os.ftruncate(handle, end)
        raise
