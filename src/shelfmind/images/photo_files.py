"""Files of photos, wherever they are: on this machine, in an archive, or in an object store."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO, TypeVar

from shelfmind.images.archives import member_status, open_member, split_member
from shelfmind.object_stores.objects import FileStatus as FileStatus
from shelfmind.object_stores.objects import each_fetched, fetching, open_copy, own_status, see_all, versions_of
from shelfmind.object_stores.store import StoredObject
from shelfmind.urls import is_url

T = TypeVar("T")


def full_name(path: Path) -> str:
    """The absolute path or the URL of a file: its key in caches."""
    return os.fspath(path) if is_url(path) else os.path.abspath(path)


def file_status(path: Path) -> FileStatus:
    """The status of a file, which changes with its content.

    Raises `OSError` if there is none, and `UserError` if its archive is damaged or its store cannot be read.
    """
    member = split_member(path)
    return own_status(path) if member is None else member_status(*member)


def found_status(path: Path) -> FileStatus | None:
    """The status of a file, None if it is missing or has a path that no file can have. Raises `UserError` as
    `file_status`."""
    try:
        return file_status(path)
    except (OSError, ValueError):
        return None


def found_statuses(paths: Sequence[Path]) -> Iterator[FileStatus | None]:
    """The `found_status` of each file; object stores are asked in threads."""
    ask_stores(paths)
    return map(found_status, paths)


def ask_stores(paths: Sequence[Path]) -> None:
    """Ask object stores for the status of these files in threads, before `file_status` asks for one after the other.

    Raises `UserError` if a store cannot be read.
    """
    see_all(_objects_of(paths))


def seen_versions(paths: Sequence[Path]) -> dict[Path, StoredObject]:
    """The versions of the objects that these files are, or are in, for `objects.use_versions` in another process."""
    return versions_of(_objects_of(paths))


def file_exists(path: Path) -> bool:
    """Whether there is such a file. Raises `UserError` as `file_status`."""
    return found_status(path) is not None


def is_plain(path: Path) -> bool:
    """Whether the path leads to a file of its own on this machine, or to none."""
    return not is_url(path) and split_member(path) is None


def open_file(path: Path) -> tuple[IO[bytes], int]:
    """A regular file open for reading, and its size in bytes. Raises as `file_status`, `IsADirectoryError` for
    everything else than a regular file."""
    member = split_member(path)
    if member is not None:
        return open_member(*member)
    if is_url(path):
        file = open_copy(path)
        return file, os.fstat(file.fileno()).st_size
    status = os.stat(path)
    if not stat.S_ISREG(status.st_mode):  # a pipe would block forever
        raise IsADirectoryError(os.fspath(path))
    return open(path, "rb"), status.st_size


def fetched_ahead(paths: Sequence[Path]) -> AbstractContextManager[None]:
    """Fetch the objects among these paths by threads of their own, while the context reads them in this order."""
    return fetching([path for path in paths if _is_object(path)])


def stream_ahead(items: Iterable[T], path_of: Callable[[T], Path | None]) -> Iterator[T]:
    """The items of a stream, in order, while threads fetch the objects among the paths of the next ones."""

    def object_of(item: T) -> Path | None:
        path = path_of(item)
        return path if path is not None and _is_object(path) else None

    return each_fetched(items, object_of)


def _is_object(path: Path) -> bool:
    """Whether a path is the URL of a file of its own."""
    return is_url(path) and split_member(path) is None


def _objects_of(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        if is_url(path):
            member = split_member(path)
            yield path if member is None else member[0]


def read_file(path: Path) -> bytes:
    """The content of a file. Raises as `open_file`."""
    if is_plain(path):
        return path.read_bytes()
    file, _ = open_file(path)
    with file:
        return file.read()
