"""Examines every file once, in parallel and in order, and caches the results."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from shelfmind.batching import batched
from shelfmind.errors import UserError
from shelfmind.images.file_cache import CacheEntry, FileCache
from shelfmind.images.photo_files import (
    FileStatus,
    ask_stores,
    fetched_ahead,
    found_status,
    found_statuses,
    full_name,
    seen_versions,
)
from shelfmind.images.shared_files import same_files
from shelfmind.machine.cluster import Cluster
from shelfmind.machine.cores import available_cores
from shelfmind.nouns import counted
from shelfmind.object_stores.store import StoredObject

Examine = Callable[[int, Path], tuple[bytes | None, bool]]
"""Maps a file's index and path to a result, and whether the result is final for these bytes."""

Reuse = Callable[[bytes | None], bool]
"""Whether a cached result is still good."""

_FILES_PER_TASK = 16
_TASKS_PER_BATCH = 64
_FILES_PER_PART = 256
"""Files that a worker of a cluster gets at a time."""


@dataclass(frozen=True, slots=True)
class _NewFile:
    """A file to examine: its index, path, size (bytes) and modification time (ns)."""

    index: int
    path: Path
    size: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class _Part:
    """Files for a worker, and the versions of objects among them."""

    files: list[_NewFile]
    versions: Mapping[Path, StoredObject]


@dataclass(frozen=True, slots=True)
class Examined:
    """One file and its result, new or cached."""

    path: Path
    content: bytes | None


@dataclass(frozen=True, slots=True)
class _Outcome:
    """`fresh` is the part that is not in the cache yet."""

    examined: Examined
    fresh: CacheEntry | None


def examine_files(
    paths: Sequence[Path],
    examine: Examine,
    *,
    file_cache: FileCache,
    reuse: Reuse = lambda content: True,
    progress: Callable[[int], None] | None = None,
    workers: int | None = None,
) -> Iterator[Examined]:
    """The results of `examine` for every file, in the given order.

    `examine` is called from worker threads, `progress(n)` from the calling thread with the number of newly examined
    files. An unchanged file (absolute path, size and modification time) is not examined again if `reuse` accepts the
    cached result. Only about a thousand files are processed at a time; their results are cached together.
    """
    batch_size = _FILES_PER_TASK * _TASKS_PER_BATCH
    pool = ThreadPoolExecutor(workers or available_cores(), thread_name_prefix="examine")
    try:
        for batch_start in range(0, len(paths), batch_size):  # a batch at a time bounds the memory
            batch = paths[batch_start : batch_start + batch_size]
            known = file_cache.recall([_key(path) for path in batch])
            examine_task = partial(_examine_some, examine, known, reuse)
            starts = range(0, len(batch), _FILES_PER_TASK)
            tasks = [batch[start : start + _FILES_PER_TASK] for start in starts]
            fresh: list[tuple[bytes, CacheEntry]] = []
            ask_stores(batch)
            with fetched_ahead([path for path in batch if _key(path) not in known]):
                for outcomes in pool.map(examine_task, [batch_start + start for start in starts], tasks):
                    fresh.extend((_key(each.examined.path), each.fresh) for each in outcomes if each.fresh is not None)
                    yield from (each.examined for each in outcomes)
                    if progress is not None:
                        progress(len(outcomes))
            if fresh:
                file_cache.keep(fresh)
    finally:
        # Without waiting: after an error, garbage collection may end this generator in one of the pool's own threads,
        # which cannot wait for itself.
        pool.shutdown(wait=False, cancel_futures=True)


def examine_on_cluster(
    cluster: Cluster,
    paths: Sequence[Path],
    examine: Examine,
    *,
    file_cache: FileCache,
    reuse: Reuse = lambda content: True,
    progress: Callable[[int], None],
) -> None:
    """Let the workers of a cluster examine the files that are not cached, and cache their results, for `examine_files`.

    `examine` is a function of a module. Results that are not final for a file's bytes are not cached.

    Raises:
        UserError: the cache cannot be written, or a worker does not see the files.
    """
    _require_usable(file_cache)
    parts = _new_files(paths, file_cache, reuse, progress)
    for starts, results in cluster.map(partial(_examining, examine), parts, _describe):
        entries = zip(starts, results, strict=True)
        file_cache.keep((key, entry) for key, entry in entries if entry is not None)
        progress(len(results))
    _require_usable(file_cache)


def _new_files(
    paths: Sequence[Path], file_cache: FileCache, reuse: Reuse, progress: Callable[[int], None]
) -> Iterator[tuple[tuple[bytes, ...], _Part]]:
    """Files that are not cached, in parts with the keys of their results."""
    waiting: list[_NewFile] = []
    for start in range(0, len(paths), _FILES_PER_PART):
        batch = paths[start : start + _FILES_PER_PART]
        known = file_cache.recall([_key(path) for path in batch])
        new = [
            _NewFile(index, path, status.size, status.mtime_ns)
            for index, (path, status) in enumerate(zip(batch, found_statuses(batch), strict=True), start)
            if status is not None and not _is_current(known.get(_key(path)), status, reuse)
        ]
        progress(len(batch) - len(new))
        waiting += new
        if len(waiting) >= _FILES_PER_PART or start + _FILES_PER_PART >= len(paths):
            for part in batched(waiting, _FILES_PER_PART):
                paths_of_part = [file.path for file in part]
                yield tuple(map(_key, paths_of_part)), _Part(part, seen_versions(paths_of_part))
            waiting = []


def _examining(examine: Examine) -> Callable[[_Part], list[CacheEntry | None]]:
    """In a worker: the function that examines a part."""

    def examine_part(part: _Part) -> list[CacheEntry | None]:
        with (
            same_files(((os.fspath(file.path), file.size) for file in part.files), part.versions),
            fetched_ahead([file.path for file in part.files]),
            ThreadPoolExecutor(available_cores()) as pool,
        ):
            found = pool.map(lambda file: examine(file.index, file.path), part.files)
            return [
                CacheEntry(file.size, file.mtime_ns, content) if final else None
                for file, (content, final) in zip(part.files, found, strict=True)
            ]

    return examine_part


def _describe(part: _Part) -> str:
    return f"{counted(len(part.files), 'file')} from {part.files[0].path} on"


def _require_usable(file_cache: FileCache) -> None:
    if not file_cache.usable:
        raise UserError(
            "results of a cluster are kept in the cache, which cannot be written now; set SHELFMIND_CACHE to a folder "
            "that can, or work without a cluster"
        )


def _is_current(known: CacheEntry | None, status: FileStatus | None, reuse: Reuse) -> bool:
    """Whether there is a cached result of the file as it is now that is still good."""
    if known is None or status is None or (known.size, known.mtime_ns) != (status.size, status.mtime_ns):
        return False
    return reuse(known.content)


def _key(path: Path) -> bytes:
    return os.fsencode(full_name(path))


def _examine_some(
    examine: Examine,
    known: dict[bytes, CacheEntry],
    reuse: Reuse,
    first: int,
    paths: Sequence[Path],
) -> list[_Outcome]:
    return [_examine(examine, known.get(_key(path)), reuse, first + offset, path) for offset, path in enumerate(paths)]


def _examine(examine: Examine, known: CacheEntry | None, reuse: Reuse, index: int, path: Path) -> _Outcome:
    status = found_status(path)  # whoever opens a missing file reports why
    if known is not None and _is_current(known, status, reuse):
        return _Outcome(Examined(path, known.content), None)
    content, permanent = examine(index, path)
    if status is None or not permanent:
        return _Outcome(Examined(path, content), None)
    return _Outcome(Examined(path, content), CacheEntry(status.size, status.mtime_ns, content))
