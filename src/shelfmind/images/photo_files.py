"""Files of photos, wherever they are: on this machine, in an archive, or in an object store."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO

from shelfmind.images.archives import member_status, open_member, split_member
from shelfmind.object_stores.objects import FileStatus as FileStatus
from shelfmind.object_stores.objects import fetching, open_copy, own_status
from shelfmind.urls import is_url


def full_name(path: Path) -> str:
    """The absolute path or the URL of a file: its key in caches."""
    return os.fspath(path) if is_url(path) else os.path.abspath(path)


def file_status(path: Path) -> FileStatus:
    """The status of a file, which changes with its content.

    Raises `OSError` if there is none, and `UserError` if its archive is damaged or its store cannot be read.
    """
    member = split_member(path)
    return own_status(path) if member is None else member_status(*member)


def file_exists(path: Path) -> bool:
    """Whether there is such a file. Raises `UserError` as `file_status`."""
    try:
        file_status(path)
    except (OSError, ValueError):
        return False
    return True


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
    return fetching([path for path in paths if is_url(path) and split_member(path) is None])


def read_file(path: Path) -> bytes:
    """The content of a file. Raises as `open_file`."""
    if is_plain(path):
        return path.read_bytes()
    file, _ = open_file(path)
    with file:
        return file.read()
