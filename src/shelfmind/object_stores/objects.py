"""Objects of stores as files: listed, fetched through the cache, retried while a store is away for a moment."""

from __future__ import annotations

import functools
import hashlib
import io
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, TypeVar

from shelfmind.errors import UserError
from shelfmind.files import cache_folder, cache_limit_bytes, reason
from shelfmind.machine.ahead import map_ahead
from shelfmind.machine.cores import available_cores
from shelfmind.nouns import counted
from shelfmind.object_stores.cache import ObjectCache
from shelfmind.object_stores.filesystems import FileSystemStore
from shelfmind.object_stores.s3 import S3Store
from shelfmind.object_stores.store import Store, StoredObject, StoreError
from shelfmind.progress import Counter
from shelfmind.urls import is_url, shown_url, url_parts

ATTEMPTS = 5
FIRST_WAIT_S = 0.5
"""Seconds before the second attempt; each further wait is twice as long."""
_WAITING_WORKERS = 32
"""Threads that fetch single photos or ask for versions: they mostly wait for the store."""
_AHEAD = 2 * _WAITING_WORKERS
"""Photos of a stream that are fetched in advance."""
STORES: dict[str, Callable[[], Store]] = {"s3": S3Store}
"""Stores by scheme; fsspec opens all others."""

R = TypeVar("R")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class FileStatus:
    """Size in bytes and modification time in nanoseconds; a change of either means another version of the file."""

    size: int
    mtime_ns: int


_known: dict[Path, StoredObject | None] = {}
"""The objects that the command has seen, by path: their keys may have double slashes, which paths have not. None: there
is none."""
_listings: dict[Path, list[Path]] = {}
"""The folders that the command has listed."""
_commands = 0
"""The number of `one_state` contexts of this process."""
_counting = threading.Lock()
_locks = [threading.Lock() for _ in range(1024)]
"""Two threads never fetch the same object; objects share locks."""
_stopped = threading.Event()
_opening = threading.Lock()
"""One thread opens a store or the cache; boto3 cannot make clients in several threads at once."""


@contextmanager
def one_state() -> Iterator[None]:
    """A command: within the context, this process sees one state of all stores, not that of earlier commands."""
    global _commands
    with _counting:
        see_changes()
        _commands += 1
    try:
        yield
    finally:
        with _counting:
            _commands -= 1


def see_changes() -> None:
    """Forget what was listed or seen before, unless a command is running."""
    if _commands == 0:
        _known.clear()
        _listings.clear()


def objects_below(place: Path) -> list[Path]:
    """The URLs of all objects below a folder of a store, sorted; folder markers are not objects.

    Raises `UserError` if the store cannot be read.
    """
    if place in _listings:
        return _listings[place]
    scheme, prefix = _checked_parts(place)

    def listed() -> list[StoredObject]:
        return list(_store(scheme).listed(f"{prefix.rstrip('/')}/"))

    objects = _tried(listed, place)
    found = {Path(f"{scheme}:/{each.key}"): each for each in objects if not each.key.endswith("/")}
    _known.update(found)
    return _listings.setdefault(place, sorted(found))


def object_status(path: Path) -> StoredObject:
    """The version of an object that this process uses: the first one that it has seen.

    Raises `FileNotFoundError`, and `UserError` if the store cannot be read.
    """
    try:
        known = _known[path]
    except KeyError:
        known = _known[path] = _present_version(path)
    if known is None:
        raise FileNotFoundError("there is no such object")
    return known


def see_all(paths: Iterable[Path]) -> None:
    """Ask for the versions of objects that this process has not seen, in threads, before `object_status` asks one by
    one. Raises `UserError` if the store cannot be read."""
    unseen = list(dict.fromkeys(path for path in paths if path not in _known))
    for _ in map_ahead(is_object, unseen, _AHEAD, _WAITING_WORKERS):
        pass


def versions_of(paths: Iterable[Path]) -> dict[Path, StoredObject]:
    """The versions of those of these paths that are objects which this process has seen, for `use_versions`."""
    found = ((path, _known.get(path)) for path in paths)
    return {path: version for path, version in found if version is not None}


def use_versions(versions: Mapping[Path, StoredObject]) -> None:
    """Use the versions of objects that another process has seen."""
    _known.update(versions)


def own_status(path: Path) -> FileStatus:
    """The status of a file or an object. Raises `OSError`, and `UserError` as `object_status`."""
    if is_url(path):
        found = object_status(path)
        return FileStatus(found.size, found.mtime_ns)
    status = os.stat(path)
    return FileStatus(status.st_size, status.st_mtime_ns)


def is_object(path: Path) -> bool:
    """Whether a URL is an object, as opposed to a folder or nothing."""
    try:
        object_status(path)
    except FileNotFoundError:
        return False
    return True


def local_copy(path: Path) -> Path:
    """A file with the content of an object, fetched unless it is cached; a path that is not a URL is returned as it is.

    The file may make room for others later: see `open_copy`. Raises as `object_status`.
    """
    if not is_url(path):
        return path
    version = object_status(path)
    identity = _identity(path, version)
    with _locks[hash(identity) % len(_locks)]:
        return _cache().find(identity) or _fetched(path, version, identity)


def open_copy(path: Path) -> IO[bytes]:
    """The content of an object, open for reading, unbuffered. Raises as `object_status`."""
    for _ in range(ATTEMPTS):  # another thread or process may need the room before it is open
        try:
            return open(local_copy(path), "rb", buffering=0)
        except FileNotFoundError as error:
            if error.filename is None:
                raise
    raise _not_cached(path, OSError("other commands need its room"))


def fetch_all(paths: Sequence[Path], counter: Counter) -> None:
    """Fetch the objects among these paths that are not cached, in threads; all of them must fit into the cache.

    Raises `UserError` if they do not fit, or if the store cannot be read.
    """
    urls = [path for path in paths if is_url(path)]
    if not urls:
        return
    see_all(urls)
    total, limit = sum(object_status(path).size for path in urls), _cache().limit
    if total > limit:
        raise UserError(
            f"the {counted(len(urls), 'shard')} in {shown_url(urls[0].parent)} have {total / 2**30:.1f} GB, more than "
            f"the cache of {limit / 2**30:.1f} GB; set SHELFMIND_CACHE_GB to at least {int(total / 2**30) + 1}, and "
            "SHELFMIND_CACHE to a folder with that much space"
        )
    urls.sort(key=lambda path: not _is_cached(path))  # first use those in the cache, so that they do not make room
    progress = counter("fetching shards", total, "bytes")
    pool = ThreadPoolExecutor(2 * available_cores(), thread_name_prefix="fetch")
    try:
        for path, _ in zip(urls, pool.map(local_copy, urls), strict=True):
            progress(object_status(path).size)
    except BaseException:
        _stopped.set()  # Ctrl-C does not wait for shards that are on their way
        raise
    finally:
        pool.shutdown(cancel_futures=True)
        _stopped.clear()


@contextmanager
def fetching(paths: Sequence[Path]) -> Iterator[None]:
    """Fetch these objects, in order and in threads, while the context uses them; errors are left to the user of an
    object."""
    if not paths:
        yield
        return
    pool = ThreadPoolExecutor(_WAITING_WORKERS, thread_name_prefix="fetch")
    try:
        for path in paths:
            pool.submit(_fetch_quietly, path)
        yield
    finally:
        pool.shutdown(wait=False, cancel_futures=True)  # see `examine_files`


def each_fetched(items: Iterable[T], object_of: Callable[[T], Path | None]) -> Iterator[T]:
    """The items of a stream, in order. If `object_of` an item is an object, threads fetch it a few items ahead.

    Raises `UserError` if the store cannot be read; a missing object is left to its user.
    """
    pool = ThreadPoolExecutor(_WAITING_WORKERS, thread_name_prefix="fetch")
    waiting: deque[tuple[T, Future[None] | None]] = deque()
    try:
        for item in items:
            path = object_of(item)
            waiting.append((item, None if path is None else pool.submit(_fetch_if_there, path)))
            while waiting and (len(waiting) > _AHEAD or waiting[0][1] is None):
                yield _arrived(*waiting.popleft())
        while waiting:
            yield _arrived(*waiting.popleft())
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _fetch_if_there(path: Path) -> None:
    with suppress(OSError):
        local_copy(path)


def _arrived(item: T, fetched: Future[None] | None) -> T:
    if fetched is not None:
        fetched.result()
    return item


def _fetch_quietly(path: Path) -> None:
    with suppress(UserError, OSError):
        local_copy(path)


def forget() -> None:
    """Forget everything that was listed, seen or opened."""
    _known.clear()
    _listings.clear()
    _opened_store.cache_clear()
    _cache_in.cache_clear()


def _present_version(path: Path) -> StoredObject | None:
    scheme, key = _checked_parts(path)
    try:
        return _tried(lambda: _store(scheme).status(key), path)
    except FileNotFoundError:
        return None


def _is_cached(path: Path) -> bool:
    return _cache().holds(_identity(path, object_status(path)))


def _identity(path: Path, version: StoredObject) -> str:
    return f"{path}|{version.size}|{version.mtime_ns}|{version.tag}"


def _fetched(path: Path, version: StoredObject, identity: str) -> Path:
    scheme, _ = _checked_parts(path)
    arrived: list[str] = []

    def fill(temporary: Path) -> None:
        with _Arriving(temporary, "wb") as stream:
            promised = _store(scheme).fetch(version, stream)
            size = stream.tell()
        if size != version.size:
            raise StoreError(f"{size:,} of {version.size:,} bytes arrived", True)
        if promised is not None:
            digest = _md5(temporary)
            if digest != promised and digest not in arrived:  # twice the same: the store's tag is not an MD5
                arrived.append(digest)
                raise StoreError("it arrived damaged: its MD5 is not that of the store", True)

    def keep() -> Path:
        try:
            return _cache().keep(identity, version.size, fill)
        except FileNotFoundError as error:
            if error.filename is None:  # the object, not a file of the cache
                raise
            raise _not_cached(path, error) from error
        except OSError as error:
            raise _not_cached(path, error) from error

    return _tried(keep, path)


class _Arriving(io.FileIO):
    """A file that accepts no more once fetching was stopped."""

    def write(self, block: Any) -> int:
        """Append a block."""
        if _stopped.is_set():
            raise StoreError("fetching was stopped", False)
        return super().write(block)


def _not_cached(path: Path, error: OSError) -> UserError:
    root = _cache().root
    why = reason(error, root)
    return UserError(f"{shown_url(path)} cannot be cached in {root}: {why}; set SHELFMIND_CACHE to another folder")


def _tried(attempt: Callable[[], R], path: Path) -> R:
    """The result of the first successful attempt; waits longer after each failure that may pass."""
    wait_s = FIRST_WAIT_S
    for number in range(1, ATTEMPTS + 1):
        try:
            return attempt()
        except StoreError as error:
            if not error.passing:
                raise UserError(f"{shown_url(path)} cannot be read: {error.reason}") from error
            if number == ATTEMPTS:
                raise UserError(
                    f"{shown_url(path)} cannot be read: {error.reason} (after {ATTEMPTS} attempts); check the network "
                    "and the store, then run the command again, or resume the training; what is cached is not fetched "
                    "again"
                ) from error
        time.sleep(wait_s)
        wait_s *= 2
    raise AssertionError


def _checked_parts(place: Path) -> tuple[str, str]:
    scheme, key = url_parts(place)
    if scheme is None or not key.strip("/"):
        raise UserError(f"{shown_url(place)} names no bucket; give s3://BUCKET/FOLDER")
    return scheme, key.strip("/")


def _store(scheme: str) -> Store:
    with _opening:
        return _opened_store(scheme)


@functools.cache
def _opened_store(scheme: str) -> Store:
    return STORES[scheme]() if scheme in STORES else FileSystemStore(scheme)


def _cache() -> ObjectCache:
    with _opening:
        return _cache_in(cache_folder(), cache_limit_bytes())


@functools.lru_cache(1)
def _cache_in(folder: Path, limit: int) -> ObjectCache:
    return ObjectCache(folder / "objects", limit)


def _md5(path: Path) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    with open(path, "rb") as stream:
        while block := stream.read(2**20):
            digest.update(block)
    return digest.hexdigest()
