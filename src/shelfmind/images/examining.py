"""Examines every file once, in parallel and in order, and caches the results."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from shelfmind.images.file_cache import CacheEntry, FileCache
from shelfmind.images.photo_files import fetched_ahead, file_status, full_name
from shelfmind.machine.cores import available_cores

Examine = Callable[[int, Path], tuple[bytes | None, bool]]
"""Maps a file's index and path to a result, and whether the result is final for these bytes."""

_FILES_PER_TASK = 16
_TASKS_PER_BATCH = 64


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
    reuse: Callable[[bytes | None], bool] = lambda content: True,
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
            with fetched_ahead([path for path in batch if _key(path) not in known]):
                for outcomes in pool.map(examine_task, [batch_start + start for start in starts], tasks):
                    fresh.extend((_key(each.examined.path), each.fresh) for each in outcomes if each.fresh is not None)
                    yield from (each.examined for each in outcomes)
                    if progress is not None:
                        progress(len(outcomes))
            if fresh:
                file_cache.keep(fresh)
    finally:
        pool.shutdown(cancel_futures=True)  # Ctrl-C does not wait for the rest of the batch


def _key(path: Path) -> bytes:
    return os.fsencode(full_name(path))


def _examine_some(
    examine: Examine,
    known: dict[bytes, CacheEntry],
    reuse: Callable[[bytes | None], bool],
    first: int,
    paths: Sequence[Path],
) -> list[_Outcome]:
    return [_examine(examine, known.get(_key(path)), reuse, first + offset, path) for offset, path in enumerate(paths)]


def _examine(
    examine: Examine, known: CacheEntry | None, reuse: Callable[[bytes | None], bool], index: int, path: Path
) -> _Outcome:
    try:
        status = file_status(path)
    except (OSError, ValueError):
        status = None  # `examine` reports why
    if known is not None and status is not None:
        unchanged = (known.size, known.mtime_ns) == (status.size, status.mtime_ns)
        if unchanged and reuse(known.content):
            return _Outcome(Examined(path, known.content), None)
    content, permanent = examine(index, path)
    if status is None or not permanent:
        return _Outcome(Examined(path, content), None)
    return _Outcome(Examined(path, content), CacheEntry(status.size, status.mtime_ns, content))
