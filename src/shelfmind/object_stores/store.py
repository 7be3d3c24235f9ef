"""What every object store can do, and its errors."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Protocol


@dataclass(frozen=True, slots=True)
class StoredObject:
    """One version of an object: its key (with the bucket), size in bytes, time, and the store's tag of its content.

    `mtime_ns` is the time of the last change in seconds; its nanoseconds are a digest of the tag, so that two versions
    of the same second and size differ.
    """

    key: str
    size: int
    mtime_ns: int
    tag: str


class StoreError(Exception):
    """A store did not answer as asked; `passing` is whether another attempt may help."""

    def __init__(self, reason: str, passing: bool) -> None:
        super().__init__(reason)
        self.reason, self.passing = reason.strip().rstrip("."), passing


class Store(Protocol):
    """Reads the objects of a scheme by their keys, ``BUCKET/NAME``. Raises `StoreError`."""

    def listed(self, prefix: str) -> Iterator[StoredObject]:
        """All objects whose keys start with the prefix."""

    def status(self, key: str) -> StoredObject:
        """The present version of an object. Raises `FileNotFoundError`."""

    def fetch(self, wanted: StoredObject, stream: IO[bytes]) -> str | None:
        """Write the object's content to the stream, and return the MD5 that the store promises, if it does.

        Raises `FileNotFoundError`. S3 raises `StoreError` if there is another version now; fsspec does not know.
        """


def precise_time(seconds: float, tag: str) -> int:
    """The `mtime_ns` of a version of an object."""
    return int(seconds) * 10**9 + zlib.crc32(tag.encode()) % 10**9
