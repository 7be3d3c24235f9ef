"""Files that the workers of a cluster must see as the process that started the job does."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from shelfmind.errors import UserError
from shelfmind.images.photo_files import file_status, full_name
from shelfmind.machine.hosts import host_name


def require_same_files(files: Iterable[tuple[str, int | None]]) -> None:
    """In a worker: raise `UserError` if it does not see these files (path, bytes) as the caller does.

    A size of None is that of a file that the caller cannot read, either.
    """
    for path, size in files:
        if size is None:
            continue
        name = full_name(Path(path))
        try:
            here = file_status(Path(path)).size
        except OSError as error:
            raise UserError(
                f"the worker on {host_name()} cannot read {name} ({error.strerror or error}); all hosts of the cluster "
                "need a common file system with the files at the same paths"
            ) from error
        if here != size:
            raise UserError(
                f"{name} has {here} bytes on {host_name()}, but {size} where the job was started; all "
                "hosts of the cluster need the same files at the same paths, and no file may change during the job"
            )


def size_of(path: str | os.PathLike[str]) -> int | None:
    """The size of a file in bytes for `require_same_files`, None if it cannot be read."""
    try:
        return file_status(Path(path)).size
    except (OSError, ValueError):
        return None
