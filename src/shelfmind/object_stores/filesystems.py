"""Objects of stores that fsspec knows, such as Google Cloud Storage (`gs://`), by the package of the store."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import IO, Any

from shelfmind.errors import UserError
from shelfmind.machine.packages import require
from shelfmind.object_stores.store import StoredObject, StoreError, precise_time

_TAGS = ("ETag", "etag", "content_md5", "md5Hash", "checksum")
_TIMES = ("LastModified", "last_modified", "mtime", "updated", "modified", "created")
_BLOCK_BYTES = 2**20


class FileSystemStore:
    """The objects of one scheme, by fsspec; size and time decide whether two versions are the same."""

    def __init__(self, scheme: str) -> None:
        require("fsspec")
        import fsspec

        self._scheme, self._url_to_fs = scheme, fsspec.core.url_to_fs
        try:
            fsspec.get_filesystem_class(scheme)
        except ImportError as error:  # fsspec says which package is missing
            raise UserError(f"{scheme}:// cannot be read: {error}") from error
        except ValueError as error:
            raise UserError(f"{scheme}:// is not a store that fsspec knows; use s3:// or a folder") from error

    def listed(self, prefix: str) -> Iterator[StoredObject]:
        """All objects whose keys start with the prefix, which ends with a slash or names one object."""
        above = prefix.rstrip("/")
        system, name = self._located(above)
        try:
            with _translated():
                found = system.find(name, detail=True)
        except FileNotFoundError:  # some stores return nothing instead
            return
        for path, facts in sorted(found.items()):
            yield _stored(above + path[len(name.rstrip("/")) :], facts)

    def status(self, key: str) -> StoredObject:
        """The present version of an object. Raises `FileNotFoundError`."""
        system, name = self._located(key)
        with _translated():
            system.invalidate_cache()
            found = system.info(name)
            if found.get("type") == "directory":
                raise FileNotFoundError(key)
            return _stored(key, found)

    def fetch(self, wanted: StoredObject, stream: IO[bytes]) -> str | None:
        """Write the object to the stream."""
        system, name = self._located(wanted.key)
        with _translated(), system.open(name, "rb") as file:
            while block := file.read(_BLOCK_BYTES):
                stream.write(block)
        return None

    def _located(self, key: str) -> tuple[Any, str]:
        """The file system of an object and its name there, which may lack the server and begin with a slash."""
        try:
            system, name = self._url_to_fs(f"{self._scheme}://{key}")
        except Exception as error:  # every store has its own errors of configuration
            raise StoreError(str(error) or type(error).__name__, False) from error
        return system, name


def _stored(key: str, facts: Mapping[str, Any]) -> StoredObject:
    if facts.get("size") is None:  # many web servers
        raise StoreError(f"the store does not give the size of {key}; download it and give the path", False)
    tag = next((str(facts[name]).strip('"') for name in _TAGS if facts.get(name)), "")
    changed = next((facts[name] for name in _TIMES if facts.get(name)), 0.0)
    return StoredObject(key, int(facts["size"]), precise_time(_seconds(changed), tag or str(changed)), tag)


def _seconds(time: Any) -> float:
    if isinstance(time, str):
        try:
            time = datetime.fromisoformat(time.replace("Z", "+00:00"))
        except ValueError:
            return 0.0
    return float(time.timestamp() if isinstance(time, datetime) else time)


@contextmanager
def _translated() -> Iterator[None]:
    """Raise the errors of a file system as `StoreError` or `FileNotFoundError`."""
    try:
        yield
    except (FileNotFoundError, StoreError):
        raise
    except PermissionError as error:
        raise StoreError(f"{error or 'permission denied'}; check the credentials of the store", False) from error
    except Exception as error:  # every store has its own classes
        raise StoreError(str(error) or type(error).__name__, True) from error
