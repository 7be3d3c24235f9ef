"""A cache of examined files: an SQLite table of path, size, time and results, which is always optional."""

from __future__ import annotations

import os
import sqlite3
import zlib
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_TABLE_LAYOUT = 3
LOCK_WAIT_S = 2.0
_VARIABLES_PER_QUERY = 500  # older SQLite versions allow 999


@dataclass(frozen=True, slots=True)
class CacheEntry:
    """The result for a file of this size (bytes) and modification time (ns); `content` is defined by the creator."""

    size: int
    mtime_ns: int
    content: bytes | None


def _crc(path: bytes, entry: CacheEntry) -> int:
    content = b"" if entry.content is None else entry.content
    return zlib.crc32(content, zlib.crc32(f"{entry.size}|{entry.mtime_ns}|{entry.content is None}|".encode() + path))


class FileCache:
    """Results by absolute path, stored at `path`; never raises, and drops results that cannot be stored.

    A database that is damaged or has another `layout` is recreated. One that is locked or read-only is left alone, and
    nothing is stored.
    """

    def __init__(self, path: Path | None, layout: int = 1) -> None:
        self._path = path
        self._layout = 100 * layout + _TABLE_LAYOUT
        self._connection: sqlite3.Connection | None = None
        if path is not None:
            try:
                self._open(path)
            except (sqlite3.Error, OSError) as error:
                self._recover(error)

    def __enter__(self) -> FileCache:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the database; all stored results are on disk."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(sqlite3.Error):
                connection.close()

    @property
    def usable(self) -> bool:
        """Whether results are stored."""
        return self._connection is not None

    def recall(self, paths: Sequence[bytes]) -> dict[bytes, CacheEntry]:
        """The cached entries of these paths (`os.fsencode`)."""
        if self._connection is None:
            return {}
        found: dict[bytes, CacheEntry] = {}
        try:
            for start in range(0, len(paths), _VARIABLES_PER_QUERY):
                part = paths[start : start + _VARIABLES_PER_QUERY]
                marks = ",".join("?" * len(part))
                query = f"SELECT path, size, mtime_ns, content, crc FROM findings WHERE path IN ({marks})"
                for path, size, mtime_ns, content, crc in self._connection.execute(query, part):
                    entry = CacheEntry(size, mtime_ns, content)
                    if crc == _crc(path, entry):  # SQLite itself does not notice a flipped bit
                        found[path] = entry
        except sqlite3.Error as error:
            self._recover(error)
            return {}
        except (TypeError, ValueError, OverflowError):  # values of other types, in a damaged row
            self._recover(sqlite3.DatabaseError())
            return {}
        return found

    def keep(self, findings: Iterable[tuple[bytes, CacheEntry]]) -> None:
        """Store these results in one transaction."""
        if self._connection is None:
            return
        rows = [(path, each.size, each.mtime_ns, each.content, _crc(path, each)) for path, each in findings]
        try:
            with self._connection:
                self._connection.executemany("INSERT OR REPLACE INTO findings VALUES (?, ?, ?, ?, ?)", rows)
        except sqlite3.Error as error:
            self._recover(error)

    def _open(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._connection = connection = sqlite3.connect(path, timeout=LOCK_WAIT_S)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        (layout,) = connection.execute("PRAGMA user_version").fetchone()
        with connection:
            if layout != self._layout:
                connection.execute("DROP TABLE IF EXISTS findings")
                connection.execute("DROP TABLE IF EXISTS verdicts")  # the name of an earlier layout
            connection.execute(
                "CREATE TABLE IF NOT EXISTS findings"
                " (path BLOB PRIMARY KEY, size INTEGER, mtime_ns INTEGER, content BLOB, crc INTEGER)"
            )
            if layout != self._layout:
                connection.execute(f"PRAGMA user_version={self._layout}")

    def _recover(self, error: Exception) -> None:
        """Recreate a damaged database; continue without a cache if it is locked or cannot be written."""
        self.close()
        damaged = type(error) is sqlite3.DatabaseError  # locks and full or read-only disks: OperationalError
        if not damaged or self._path is None:
            return
        with suppress(sqlite3.Error, OSError):
            for suffix in ("", "-wal", "-shm"):
                Path(os.fspath(self._path) + suffix).unlink(missing_ok=True)
            self._open(self._path)
