"""The local cache of objects: verified when they arrive and at their first use, the least recently used make room."""

from __future__ import annotations

import hashlib
import os
import secrets
import threading
import time
from collections.abc import Callable
from pathlib import Path

from shelfmind.machine.checksums import file_sha256

_ABANDONED_S = 24 * 3600.0
_TEMPORARY = ".tmp"


class ObjectCache:
    """Copies of objects below `root`, up to `limit` bytes in total. Thread-safe; processes can share the folder.

    A copy is named after the identity of its object's version and its SHA-256, ``ab/<identity>.<digest>``.
    """

    def __init__(self, root: Path, limit: int) -> None:
        self.root, self.limit = root, limit
        self._lock = threading.Lock()
        self._copies: dict[str, tuple[Path, int, float]] = {}
        self._verified: set[str] = set()
        self._scan()

    def find(self, identity: str) -> Path | None:
        """The copy of an object, verified at its first use in this process; a damaged one is deleted."""
        name = _name(identity)
        with self._lock:
            known = self._copies.get(name)
        if known is None:
            return None
        path = known[0]
        try:
            if name not in self._verified and file_sha256(path)[:32] != path.suffix[1:]:
                raise OSError("damaged")
            os.utime(path)
        except OSError:  # damaged, or deleted by another process
            path.unlink(missing_ok=True)
            with self._lock:
                self._copies.pop(name, None)
            return None
        with self._lock:
            self._verified.add(name)
            self._copies[name] = (path, known[1], time.time())
        return path

    def holds(self, identity: str) -> bool:
        """Whether there is a copy, which may be damaged."""
        with self._lock:
            return _name(identity) in self._copies

    def keep(self, identity: str, size: int, fill: Callable[[Path], None]) -> Path:
        """Let `fill` write the content of an object to a temporary file, and keep that. Raises `OSError`."""
        name = _name(identity)
        self.make_room(size)
        folder = self.root / name[:2]
        folder.mkdir(parents=True, exist_ok=True)
        temporary = folder / f"{name}.{secrets.token_hex(4)}{_TEMPORARY}"
        try:
            fill(temporary)
            path = folder / f"{name}.{file_sha256(temporary)[:32]}"
            with open(temporary, "rb+") as stream:
                os.fsync(stream.fileno())
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
        with self._lock:
            self._copies[name] = (path, size, time.time())
            self._verified.add(name)
        return path

    def make_room(self, size: int) -> None:
        """Delete the least recently used copies until there is room for `size` more bytes."""
        with self._lock:
            total = sum(held for _, held, _ in self._copies.values())
            if total + size <= self.limit:
                return
            for name, (path, held, _) in sorted(self._copies.items(), key=lambda item: item[1][2]):
                if total + size <= self.limit:
                    return
                path.unlink(missing_ok=True)
                del self._copies[name]
                total -= held

    def _scan(self) -> None:
        """Find the copies that are there, and delete leftovers of killed processes."""
        for path in self.root.glob("*/*"):
            try:
                status = path.stat()
            except FileNotFoundError:  # deleted by another process
                continue
            if path.suffix == _TEMPORARY:
                if time.time() - status.st_mtime > _ABANDONED_S:
                    path.unlink(missing_ok=True)
                continue
            self._copies[path.stem] = (path, status.st_size, status.st_mtime)


def _name(identity: str) -> str:
    return hashlib.sha256(identity.encode("utf-8", "surrogateescape")).hexdigest()[:32]
