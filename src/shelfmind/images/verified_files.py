"""Verifies files by the lists of checksums next to them; a version of a file is read only once."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from shelfmind.errors import UserError, call
from shelfmind.files import cache_folder, reason, status_of
from shelfmind.images.file_cache import CacheEntry, FileCache
from shelfmind.machine.ahead import map_ahead
from shelfmind.machine.checksum_lists import CHECKSUMS, listed_checksum
from shelfmind.machine.checksums import file_sha256
from shelfmind.machine.cores import available_cores
from shelfmind.nouns import shortened
from shelfmind.progress import Counter, count_silently
from shelfmind.urls import is_url

_MIN_KEPT_BYTES = 2**20
"""Size of the files whose checksums are cached: each command reads smaller ones again, in less than a millisecond."""
_known: dict[bytes, CacheEntry] = {}
"""The checksums of the files that this process has read or found in the cache."""


def require_intact(paths: Iterable[Path], counter: Counter = count_silently) -> None:
    """Raise `UserError` if one of these files differs from its `listed_checksum`.

    A file is read again only if its size, modification time or inode has changed since. Files that are in no list are
    not read, nor are URLs: the copies of objects are verified when they are fetched.
    """
    listed = {path: known[1] for path in paths if not is_url(path) and (known := listed_checksum(path)) is not None}
    unknown = [path for path, checksum in listed.items() if not _is_known(path, checksum)]
    if unknown:
        with _cache_for(unknown) as cache:
            _known.update(cache.recall([_key(path) for path in unknown]))
    damaged = []
    for path, found in read_checksums([path for path in unknown if not _is_known(path, listed[path])], counter):
        if isinstance(found, PermissionError):
            raise found
        if isinstance(found, OSError):
            raise UserError(f"{path} cannot be read: {reason(found)}; copy it again") from found
        if found != listed[path]:
            damaged.append(path)
    if damaged:
        raise _not_intact(damaged)


def read_checksums(paths: Sequence[Path], counter: Counter) -> Iterator[tuple[Path, str | OSError]]:
    """Read files in threads and yield the checksum of each, 64 hexadecimal digits, or why it cannot be read."""
    if not paths:
        return
    sizes = [_size(path) for path in paths]
    progress = counter("verifying files", sum(sizes), "bytes")
    workers = available_cores()
    with _cache_for(paths) as cache:
        for path, size, found in zip(paths, sizes, map_ahead(_read, paths, 2 * workers, workers), strict=True):
            if isinstance(found, OSError):
                yield path, found
            else:
                checksum, entry = found
                _known[_key(path)] = entry
                if entry.size >= _MIN_KEPT_BYTES:
                    cache.keep([(_key(path), entry)])
                yield path, checksum
            progress(size)


def _read(path: Path) -> tuple[str, CacheEntry] | OSError:
    status = status_of(path) or (0, 0, 0)  # before reading: a file that changes meanwhile is read again
    try:
        checksum = file_sha256(path)
    except OSError as error:
        return error
    return checksum, _entry(status, checksum)


def _is_known(path: Path, checksum: str) -> bool:
    """Whether the present version of a file is known to have this checksum; true if there is no file."""
    status = status_of(path)
    return not status or _known.get(_key(path)) == _entry(status, checksum)


def _entry(status: tuple[int, ...], checksum: str) -> CacheEntry:
    mtime_ns, size, inode = status
    return CacheEntry(size, mtime_ns, f"{inode}|{checksum}".encode())


def _key(path: Path) -> bytes:
    return os.fsencode(os.path.abspath(path))


def _size(path: Path) -> int:
    return (status_of(path) or (0, 0))[1]


def _cache_for(paths: Iterable[Path]) -> FileCache:
    """The cache of checksums; one that keeps nothing if all of these files are small."""
    return FileCache(cache_folder() / "checksums.sqlite" if max(map(_size, paths)) >= _MIN_KEPT_BYTES else None)


def _not_intact(damaged: Sequence[Path]) -> UserError:
    one = len(damaged) == 1
    what = "is damaged or edited: its checksum" if one else "are damaged or edited: their checksums"
    accept = call("verify", paths=[str(damaged[0])] if one else ["PATH"], accept=True)
    return UserError(
        f"{shortened(map(str, damaged))} {what} in {CHECKSUMS} {'does' if one else 'do'} not match. "
        f"Copy {'it' if one else 'them'} again; if the change is intended, record it with: {accept}"
    )
