"""The local cache of objects: verified when they arrive and at their first use, the least recently used make room."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from shelfmind.machine.checksums import file_sha256

_ABANDONED_S = 24 * 3600.0
_TEMPORARY = ".tmp"
_DIGITS = 32
_OURS = re.compile(r"[0-9a-f]{32}\.(?:[0-9a-f]{32}|[0-9a-f]{8}\.tmp)")


class ObjectCache:
    """Copies of objects below `root`, up to `limit` bytes in total. Thread-safe; processes can share the folder.

    A copy is named after the identity of its object's version and its SHA-256, ``ab/<identity>.<digest>``. Other files
    in the folder are left alone.
    """

    def __init__(self, root: Path, limit: int) -> None:
        self.root, self.limit = root, limit
        self._lock = threading.Lock()
        self._copies: OrderedDict[str, tuple[Path, int]] = OrderedDict()  # the least recently used first
        self._total = 0
        self._verified: set[str] = set()
        self._scan()

    def find(self, identity: str) -> Path | None:
        """The copy of an object, verified at its first use in this process.

        A damaged one is deleted; one that cannot be read now is left alone.
        """
        name = _name(identity)
        with self._lock:
            if name not in self._copies:
                return None
            self._copies.move_to_end(name)
            path, is_verified = self._copies[name][0], name in self._verified
        try:
            if is_verified or file_sha256(path)[:_DIGITS] == path.suffix[1:]:
                _mark_used(path)
                self._verified.add(name)
                return path
        except FileNotFoundError:  # deleted by another process
            pass
        except OSError:
            return None
        with self._lock:
            self._delete(name)
        return None

    def holds(self, identity: str) -> bool:
        """Whether there is a copy, which may be damaged."""
        with self._lock:
            return _name(identity) in self._copies

    def keep(self, identity: str, size: int, fill: Callable[[Path], None]) -> Path:
        """Let `fill` write the content of an object to a temporary file, and keep that. Raises `OSError`.

        Nothing is synced: after a power cut, the digest finds a copy that is not whole.
        """
        name = _name(identity)
        self.make_room(size)
        folder = self.root / name[:2]
        folder.mkdir(parents=True, exist_ok=True)
        temporary = folder / f"{name}.{secrets.token_hex(4)}{_TEMPORARY}"
        try:
            fill(temporary)
            path = folder / f"{name}.{file_sha256(temporary)[:_DIGITS]}"
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
        with self._lock:
            self._add(name, path, size)
            while len(self._copies) > 1 and self._total > self.limit:  # threads made room at the same time
                self._delete(next(iter(self._copies)))
        self._verified.add(name)
        return path

    def make_room(self, size: int) -> None:
        """Delete the least recently used copies until there is room for `size` more bytes."""
        with self._lock:
            while self._copies and self._total + size > self.limit:
                self._delete(next(iter(self._copies)))

    def _add(self, name: str, path: Path, size: int) -> None:
        self._total += size - self._copies.pop(name, (path, 0))[1]
        self._copies[name] = (path, size)

    def _delete(self, name: str) -> None:
        if name in self._copies:
            path, size = self._copies.pop(name)
            self._total -= size
            self._verified.discard(name)
            with suppress(OSError):  # another user's, in a folder that others cannot change
                path.unlink()

    def _scan(self) -> None:
        """Find the copies that are there, and delete leftovers of killed processes."""
        found = []
        for path in self.root.glob("*/*"):
            if not _OURS.fullmatch(path.name):
                continue
            try:
                status = path.stat()
            except FileNotFoundError:  # deleted by another process
                continue
            if path.suffix != _TEMPORARY:
                found.append((status.st_mtime, path, status.st_size))
            elif time.time() - status.st_mtime > _ABANDONED_S:
                with suppress(OSError):
                    path.unlink()
        for _, path, size in sorted(found):
            self._add(path.stem, path, size)


def _mark_used(path: Path) -> None:
    """Set the time of a copy to now. Raises `FileNotFoundError`; the time of another user's copy may stay."""
    try:
        os.utime(path)
    except FileNotFoundError:
        raise
    except OSError:
        pass


def _name(identity: str) -> str:
    return hashlib.sha256(identity.encode("utf-8", "surrogateescape")).hexdigest()[:_DIGITS]
