"""Audit log: who changed what and when. Each change has a synced line before the attempt and one for its result."""

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
except ImportError:  # Windows: appending a line in one write has to suffice
    fcntl = None  # type: ignore[assignment]

ASKED, DONE, REFUSED = "asked", "done", "refused"


class AuditLog:
    """An append-only file of JSON lines that several processes may write to."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = Lock()

    def append(self, event: str, who: Mapping[str, Any], action: str, what: Mapping[str, Any]) -> None:
        """Append a line and return when it is on the disk.

        Raises:
            UserError: the file cannot be written; the caller should not make the change.
        """
        now = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
        record = {"time": now, "event": event, **who, "action": action, **what}
        append_line(self.path, json.dumps(record, ensure_ascii=False), self._lock)


def append_line(path: Path, line: str, lock: Lock) -> None:
    """Append a line to a file atomically and sync it. A line that a crash left incomplete is ended first.

    Raises:
        UserError: the file cannot be written; it is left unchanged.
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
            raise OSError("only part of a line could be written")
        os.fsync(handle)
    except OSError:
        os.ftruncate(handle, end)
        raise
