"""Files that the workers of a cluster must see as the process that started the job does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from shelfmind.errors import UserError
from shelfmind.images.photo_files import file_status, full_name
from shelfmind.machine.hosts import host_name
from shelfmind.object_stores.objects import one_state, use_versions
from shelfmind.object_stores.store import StoredObject


@contextmanager
def same_files(files: Iterable[tuple[str, int | None]], versions: Mapping[Path, StoredObject]) -> Iterator[None]:
    """In a worker: use these versions of objects within the context; raise `UserError` if the worker does not see these
    files (path, bytes) as the caller does.

    A size of None is that of a file that the caller cannot read, either.
    """
    with one_state():
        use_versions(versions)
        _require_same(files)
        yield


def _require_same(files: Iterable[tuple[str, int | None]]) -> None:
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
