"""Photos inside archives: ``DATA/train-000.tar/0017.jpg`` is a member of the archive ``DATA/train-000.tar``."""

from __future__ import annotations

import io
import os
import re
import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

import numpy as np

from shelfmind.arrays import Ints
from shelfmind.images.members import Index, Members, Window, keep_members, recalled_members
from shelfmind.images.row_files import RowFile
from shelfmind.images.tar_files import tar_members
from shelfmind.images.verified_files import require_intact
from shelfmind.object_stores.objects import FileStatus, local_copy, open_copy, own_status
from shelfmind.urls import is_url, shown_url

TAR_SUFFIXES = (".tar",)
ROW_SUFFIXES = (".parquet", ".arrow")
ARCHIVE_SUFFIXES = (*TAR_SUFFIXES, *ROW_SUFFIXES)
_INSIDE = re.compile(rf"(?:{'|'.join(map(re.escape, ARCHIVE_SUFFIXES))})/", re.IGNORECASE)
_OPEN_ROW_FILES = 32


def split_member(path: Path) -> tuple[Path, str] | None:
    """The archive and the member's name of a path that leads into an archive; None for other paths."""
    text = os.fspath(path)
    for found in _INSIDE.finditer(text):
        archive = text[: found.end() - 1]
        if is_url(archive) or os.path.isfile(archive):
            return Path(archive), text[found.end() :]
    return None


def member_status(archive: Path, name: str) -> FileStatus:
    """A member's own size (a row's is that of its archive) and the time of its archive.

    Raises `OSError` if there is no such member, and `UserError` if the archive is damaged or a store cannot be reached.
    """
    whole = own_status(archive)
    _, size = _found(archive, name)
    return FileStatus(whole.size if size < 0 else size, whole.mtime_ns)


def open_member(archive: Path, name: str) -> tuple[IO[bytes], int]:
    """A member open for reading, and its size in bytes. Raises as `member_status`."""
    place, size = _found(archive, name)
    if size < 0:
        content = row_file(archive).photo(place)
        return io.BytesIO(content), len(content)
    return io.BufferedReader(Window(_opened(archive), place, size)), size


def read_members(archive: Path, names: Iterable[str]) -> Iterator[bytes]:
    """The contents of small members of a tar archive, which is opened once. Raises as `member_status`."""
    with _opened(archive) as file:
        for name in names:
            place, size = _found(archive, name)
            file.seek(place)
            yield file.read(size)


def members_of(archive: Path) -> Members:
    """The members of an archive, which is verified and listed once per version of it. Raises as `member_status`."""
    version = _version(archive)
    require_intact([archive])
    members = recalled_members(archive, version)
    if members is None:
        if archive.suffix.lower() in TAR_SUFFIXES:
            members = tar_members(local_copy(archive), shown_url(archive))
        else:
            members = row_file(archive).members()
        keep_members(archive, version, members)
    return members


def in_reading_order(paths: Sequence[Path]) -> Ints:
    """The positions of these files in an order that reads each archive from its start to its end; other files keep
    theirs, shape (N,)."""
    numbers: dict[Path, int] = {}
    keys = np.zeros((len(paths), 2), np.int64)
    for row, path in enumerate(paths):
        member = split_member(path)
        if member is not None:
            with suppress(FileNotFoundError):  # whoever opens it reports it
                keys[row] = numbers.setdefault(member[0], len(numbers) + 1), _found(*member)[0]
    return np.lexsort((keys[:, 1], keys[:, 0])).astype(np.int64) if numbers else np.arange(len(paths))


def _opened(archive: Path) -> IO[bytes]:
    return open_copy(archive) if is_url(archive) else open(archive, "rb", buffering=0)


def _version(archive: Path) -> str:
    status = own_status(archive)
    return f"{status.size}|{status.mtime_ns}"


def _found(archive: Path, name: str) -> tuple[int, int]:
    found = _index(archive).find(name)
    if found is None:
        raise FileNotFoundError(f"{archive}/{name}")
    return found


_lock = threading.RLock()
_indices: dict[Path, tuple[str, Index]] = {}
_row_files: OrderedDict[tuple[Path, str], RowFile] = OrderedDict()


def _index(archive: Path) -> Index:
    """The index of an archive's present version. All of a process's indices stay in memory: 24 bytes per photo."""
    version = _version(archive)
    with _lock:
        known = _indices.get(archive)
        if known is None or known[0] != version:
            known = _indices[archive] = (version, Index.of(members_of(archive)))
        return known[1]


def row_file(archive: Path) -> RowFile:
    """A Parquet or Arrow file, open for reading."""
    key = (archive, _version(archive))
    with _lock:
        if key not in _row_files:
            _row_files[key] = RowFile.open(local_copy(archive), shown_url(archive))
            while len(_row_files) > _OPEN_ROW_FILES:
                _row_files.popitem(last=False)
        _row_files.move_to_end(key)
        return _row_files[key]
