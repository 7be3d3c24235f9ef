"""File storage of galleries. Files are written once, atomically, and never modified."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

from shelfmind.errors import UserError
from shelfmind.files import reason, sync_folder

AT_ONCE = 16
"""Number of threads that read or write files: most of the time they wait, for a disk's sync or a bucket's answer."""


class Files(Protocol):
    """Files by name, such as ``changes/000000001.json``."""

    def read(self, name: str) -> bytes:
        """Return the content of a file. Raises `FileNotFoundError`."""

    def has(self, name: str) -> bool:
        """Whether the file exists."""

    def create(self, name: str, content: bytes) -> bool:
        """Create a file atomically and sync it. Returns False if the name exists: the first writer wins."""

    def names(self, folder: str) -> list[str]:
        """Return the sorted names of all files below a folder."""

    def old(self, folder: str, seconds: float) -> list[str]:
        """Return the names of older files below a folder, including temporary files of killed processes."""

    def delete(self, name: str) -> None:
        """Delete a file if it exists."""


class LocalFiles:
    """The files of a local folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def __str__(self) -> str:
        return str(self.root)

    def read(self, name: str) -> bytes:
        """Return the content of a file. Raises `FileNotFoundError`, and `UserError` if access is denied."""
        with self._read():
            return (self.root / name).read_bytes()

    def has(self, name: str) -> bool:
        """Whether the file exists. Raises `UserError` if access is denied."""
        with self._read():
            return (self.root / name).exists()

    def create(self, name: str, content: bytes) -> bool:
        """Create a file atomically and sync it. Returns False if the name exists.

        The complete temporary file is hard-linked to its name, which either succeeds or fails because the name exists,
        whatever other processes do.
        """
        path = self.root / name
        if self.has(name):
            return False
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
        with _written(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                with open(temporary, "xb") as stream:
                    stream.write(content)
                    stream.flush()
                    os.fsync(stream.fileno())
                try:
                    os.link(temporary, path)
                except FileExistsError:
                    return False
            finally:
                temporary.unlink(missing_ok=True)
            sync_folder(path.parent)
        return True

    def names(self, folder: str) -> list[str]:
        """Return the sorted names of all files below a folder, without temporary files of killed processes."""
        return [name for name in self._all(folder) if not name.rpartition("/")[2].startswith(".")]

    def old(self, folder: str, seconds: float) -> list[str]:
        """Return the names of older files below a folder, including temporary files."""
        last = time.time() - seconds
        found = []
        for name in self._all(folder):
            with suppress(FileNotFoundError), self._read():
                if (self.root / name).stat().st_mtime < last:
                    found.append(name)
        return found

    def delete(self, name: str) -> None:
        """Delete a file if it exists."""
        with _written(self.root / name):
            (self.root / name).unlink(missing_ok=True)

    def _all(self, folder: str) -> list[str]:
        def fail(error: OSError) -> None:
            if not isinstance(error, FileNotFoundError):
                raise error

        with self._read():
            walked = [
                Path(above) / name for above, _, names in os.walk(self.root / folder, onerror=fail) for name in names
            ]
        return sorted(path.relative_to(self.root).as_posix() for path in walked)

    @contextmanager
    def _read(self) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError:
            raise
        except OSError as error:
            raise UserError(f"{self.root} cannot be read: {reason(error, self.root)}") from error


@contextmanager
def _written(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UserError(f"{path} cannot be written: {reason(error, path.parent)}; nothing was changed") from error
