"""The members of an archive: names, places and sizes, listed once and cached."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import numpy.typing as npt

from shelfmind.arrays import Ints
from shelfmind.errors import UserError
from shelfmind.files import cache_folder, write_bytes

_LAYOUT = 1


@dataclass(frozen=True)
class Members:
    """The N members of an archive in its order: names (without duplicates), and what finds the content of each.

    Attributes:
        places: the position of the content in bytes, or the row, shape (N,).
        sizes: the size of the content in bytes, `UNKNOWN_SIZE` for rows, shape (N,).
        skipped: the number of members that are neither files nor folders, such as links.
    """

    names: Sequence[str]
    places: Ints
    sizes: Ints
    skipped: int = 0


UNKNOWN_SIZE = -1


@dataclass(frozen=True)
class Index:
    """Finds a member by its name in 24 bytes per member: digests of the names in ascending order, shape (N,)."""

    digests: npt.NDArray[np.uint64]
    places: Ints
    sizes: Ints

    @classmethod
    def of(cls, members: Members) -> Index:
        """The index of these members."""
        digests = np.array([_digest(name) for name in members.names], np.uint64)
        order = np.argsort(digests, kind="stable")
        return cls(digests[order], members.places[order], members.sizes[order])

    def find(self, name: str) -> tuple[int, int] | None:
        """The place and the size of a member; None if there is none of this name."""
        digest = _digest(name)
        at = int(np.searchsorted(self.digests, np.uint64(digest)))
        if at == len(self.digests) or int(self.digests[at]) != digest:
            return None
        return int(self.places[at]), int(self.sizes[at])


def safe_name(name: str, archive: str) -> str:
    """A member's name as the end of a path. Raises `UserError` for one that would leave the archive."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.parts or "\0" in name:
        raise UserError(f"{archive} has a member with the unsafe name {name!r}; pack the archive again without it")
    return str(path)


def recalled_members(archive: Path, version: str) -> Members | None:
    """The cached members of this version of an archive; None if they are not cached or the cache is damaged."""
    try:
        with open(_cache_file(archive), "rb") as stream, np.load(stream, allow_pickle=False) as found:
            if str(found["version"]) != f"{_LAYOUT}|{version}":
                return None
            text = found["names"].tobytes().decode("utf-8", "surrogateescape")
            names = text.split("\0") if text else []
            members = Members(names, found["places"], found["sizes"], int(found["skipped"]))
    except Exception:  # NumPy raises almost anything for a damaged file
        return None
    return members if len(members.names) == len(members.places) == len(members.sizes) else None


def keep_members(archive: Path, version: str, members: Members) -> None:
    """Cache the members of an archive; a cache that cannot be written is not an error."""
    buffer = io.BytesIO()
    names = "\0".join(members.names).encode("utf-8", "surrogateescape")
    np.savez(
        buffer,
        version=np.array(f"{_LAYOUT}|{version}"),
        names=np.frombuffer(names, np.uint8),
        places=members.places,
        sizes=members.sizes,
        skipped=np.array(members.skipped),
    )
    with suppress(UserError, OSError):
        path = _cache_file(archive)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(path, buffer.getvalue())


class Window(io.RawIOBase):
    """A part of an open file as a file of its own; closing it closes the file."""

    def __init__(self, file: Any, start: int, size: int) -> None:
        self._file, self._start, self._size, self._at = file, start, size, 0

    def readable(self) -> bool:
        """It can be read."""
        return True

    def seekable(self) -> bool:
        """It can be read in any order."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move to a position within the part."""
        self._at = max(0, offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence])
        return self._at

    def readinto(self, buffer: Any) -> int:
        """Read the next bytes of the part."""
        view = memoryview(buffer)[: max(0, self._size - self._at)]
        self._file.seek(self._start + self._at)
        count = int(self._file.readinto(view))
        self._at += count
        return count

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()


def duplicates_in(names: Sequence[str]) -> Iterator[str]:
    """The names that occur again."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            yield name
        seen.add(name)


def _digest(name: str) -> int:
    content = name.encode("utf-8", "surrogateescape")
    return int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), "little")


def _cache_file(archive: Path) -> Path:
    key = hashlib.sha256(os.fsencode(archive)).hexdigest()[:32]
    return cache_folder() / "archives" / f"{key}.npz"
