"""Where a gallery's files lie: each is written once, appears whole, and is never changed."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from shelfmind.errors import UserError
from shelfmind.files import sync_folder


class Files(Protocol):
    """Files by their names, such as ``changes/000000001.json``."""

    def read(self, name: str) -> bytes:
        """The content of a file. Raises `FileNotFoundError`."""

    def has(self, name: str) -> bool:
        """Whether there is such a file."""

    def create(self, name: str, content: bytes) -> bool:
        """Write a new file, whole and synced; False if there is one of this name, of whoever came first."""

    def names(self, folder: str) -> list[str]:
        """The names of all files below a folder, sorted."""

    def delete(self, name: str) -> None:
        """Remove a file, if it is there."""


class LocalFiles:
    """The files of a folder on this machine."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def __str__(self) -> str:
        return str(self.root)

    def read(self, name: str) -> bytes:
        """The content of a file. Raises `FileNotFoundError`, and `UserError` for one that may not be read."""
        try:
            return (self.root / name).read_bytes()
        except FileNotFoundError:
            raise
        except OSError as error:
            raise UserError(f"{self.root / name} cannot be read: {error.strerror or error}") from error

    def has(self, name: str) -> bool:
        """Whether there is such a file."""
        return (self.root / name).exists()

    def create(self, name: str, content: bytes) -> bool:
        """Write a new file, whole and synced; False if there is one of this name.

        A link to a file that is whole either succeeds or finds the name taken, whatever other processes do.
        """
        path = self.root / name
        if path.exists():
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
        """The names of all files below a folder, sorted; what a killed process had only begun is none."""
        found = (path for path in (self.root / folder).rglob("*") if not path.name.startswith(".") and path.is_file())
        return sorted(path.relative_to(self.root).as_posix() for path in found)

    def delete(self, name: str) -> None:
        """Remove a file, if it is there."""
        with _written(self.root / name):
            (self.root / name).unlink(missing_ok=True)


@contextmanager
def _written(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror or error}; nothing was changed") from error
