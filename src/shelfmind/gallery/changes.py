"""One change of a gallery as a file: added and removed photos, author and reason, sealed with a checksum."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from itertools import chain
from typing import TYPE_CHECKING, Any

from shelfmind.errors import UserError
from shelfmind.structured_text import parse_json

if TYPE_CHECKING:
    from shelfmind.gallery.storage import Files

FORMAT = 1
COMPACTION = "compact"
"""The kind of a change that deletes all earlier versions and the files that only they use."""
ARRAYS = "arrays"
"""The key of the array files in the fitted recognition parameters."""
CHANGES, BASES, VECTORS, PHOTOS = "changes", "bases", "vectors", "photos"
_NONE = type(None)


class DamagedFileError(UserError):
    """A file of a gallery, `name`, is not what was written."""

    def __init__(self, name: str, what: str) -> None:
        super().__init__(f"{name} is damaged: {what}; restore it from a backup")
        self.name, self.what = name, what


class MissingFileError(DamagedFileError):
    """A file of a gallery is missing. Another process may just have deleted it as no longer needed."""

    def __init__(self, name: str) -> None:
        super().__init__(name, "it is missing")


@dataclass(frozen=True, slots=True)
class Entry:
    """A photo of a product: the product's name, the photo's SHA-256 (hexadecimal) and its file name."""

    sku: str
    sha256: str
    photo: str


@dataclass(frozen=True)
class Summary:
    """A change in the history: version, time (ISO 8601, UTC), author, reason, kind, and a description."""

    version: int
    time: str
    author: str
    reason: str
    kind: str
    detail: str


@dataclass(frozen=True)
class Change:
    """A change: the `added` and `removed` photos of products, and new vectors.

    `vectors` is the checksum of a file of unit vectors, whose rows belong to the photos `embedded`. `embedder` is the
    identity of the network and the preprocessing of all vectors, if it changed. `recognition` holds the fitted
    recognition parameters, if they changed; its ``arrays`` name files of vectors. `previous` is the checksum of the
    previous change, which makes replaced files detectable.
    """

    summary: Summary
    previous: str
    added: tuple[Entry, ...] = ()
    removed: tuple[Entry, ...] = ()
    vectors: str | None = None
    embedded: tuple[str, ...] = ()
    embedder: Mapping[str, Any] | None = None
    recognition: Mapping[str, Any] | None = None

    @property
    def name(self) -> str:
        """The name of its file."""
        return change_name(self.summary.version)


@dataclass(frozen=True)
class Base:
    """A gallery at a version whose earlier changes have been deleted."""

    version: int
    head: str
    embedder: Mapping[str, Any]
    entries: tuple[Entry, ...]
    vectors: str | None
    embedded: tuple[str, ...]
    history: tuple[Summary, ...] = field(default=())
    recognition: Mapping[str, Any] | None = None

    @property
    def name(self) -> str:
        """The name of its file."""
        return f"{BASES}/{self.version:09d}.json"


def change_name(version: int) -> str:
    """Return the file name of a version."""
    return f"{CHANGES}/{version:09d}.json"


def vectors_name(checksum: str) -> str:
    """Return the name of the file of vectors with this checksum."""
    return f"{VECTORS}/{checksum}.npy"


def photo_name(sha256: str) -> str:
    """Return the name of the file of a photo with this checksum."""
    return f"{PHOTOS}/{sha256[:2]}/{sha256}"


def sealed(record: Change | Base) -> bytes:
    """Return the file content of a record: a line of JSON and its SHA-256."""
    content = {"format": FORMAT, **_fields_of(record)}
    line = json.dumps(content, ensure_ascii=True, separators=(",", ":"), default=_fields_of).encode()
    return line + b"\n" + checksum(line).encode() + b"\n"


def checksum(content: bytes) -> str:
    """Return the SHA-256 in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def seal_of(content: bytes) -> str:
    """Return the checksum at the end of a sealed record."""
    return content.rstrip(b"\n").rpartition(b"\n")[2].decode("ascii", "replace")


def read_change(name: str, content: bytes) -> Change:
    """Parse a file with a change.

    Raises:
        DamagedFileError: the file is not what was written.
        UserError: the file was written by a newer shelfmind.
    """
    with _opened(name, content) as known:
        return Change(
            summary=_summary(known["summary"]),
            previous=_typed(known["previous"], str),
            added=_entries(known["added"]),
            removed=_entries(known["removed"]),
            vectors=_typed(known["vectors"], str, _NONE),
            embedded=_texts(known["embedded"]),
            embedder=_typed(known["embedder"], dict, _NONE),
            recognition=_recognition(known.get("recognition")),
        )


def read_base(name: str, content: bytes) -> Base:
    """Parse a file with a base. Raises the same errors as `read_change`."""
    with _opened(name, content) as known:
        return Base(
            version=_typed(known["version"], int),
            head=_typed(known["head"], str),
            embedder=_typed(known["embedder"], dict),
            entries=_entries(known["entries"]),
            vectors=_typed(known["vectors"], str, _NONE),
            embedded=_texts(known["embedded"]),
            history=tuple(map(_summary, known["history"])),
            recognition=_recognition(known.get("recognition")),
        )


@contextmanager
def _opened(name: str, content: bytes) -> Iterator[dict[str, Any]]:
    """The content of a record; missing and invalid values within the context are raised as `DamagedFileError`."""
    line, _, seal = content.partition(b"\n")
    if seal != checksum(line).encode() + b"\n":
        raise DamagedFileError(name, "its checksum does not match")
    try:
        known = parse_json(line)
        if known["format"] > FORMAT:
            raise UserError(f"{name} was written by a newer shelfmind (format {known['format']}); update shelfmind")
        yield known
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DamagedFileError(name, f"its checksum is right, but its content is not ({error})") from error


def _summary(content: dict[str, Any]) -> Summary:
    _typed(content["version"], int)
    _texts([value for name, value in content.items() if name != "version"])
    return Summary(**content)


def _entries(rows: list[dict[str, str]]) -> tuple[Entry, ...]:
    entries = tuple(Entry(**row) for row in rows)
    if set(map(type, chain.from_iterable(map(dict.values, rows)))) - {str}:  # faster than each row on its own
        for row in rows:
            _texts(row.values())
    return entries


def _recognition(content: Any) -> Mapping[str, Any] | None:
    known: dict[str, Any] | None = _typed(content, dict, _NONE)
    _texts((known or {}).get(ARRAYS, {}).values())
    return known


def _fields_of(record: Any) -> dict[str, Any]:
    """The fields of a record; unlike `dataclasses.asdict`, without a copy of what they contain."""
    return {each.name: getattr(record, each.name) for each in fields(record)}


def _texts(values: Iterable[Any]) -> tuple[str, ...]:
    return tuple(_typed(value, str) for value in values)


def _typed(value: Any, *kinds: type) -> Any:
    if not isinstance(value, kinds):
        raise TypeError(f"{str(value)[:40]!r} must be {kinds[0].__name__}")
    return value


def versions_in(files: Files, folder: str) -> list[str]:
    """Return the files of changes or bases, oldest first, without what others have put there (`Thumbs.db`)."""
    return [name for name in files.names(folder) if re.fullmatch(rf"{folder}/\d+\.json", name)]


def version_of(name: str) -> int:
    """Return the version in the name of a change's or base's file."""
    return int(name.rpartition("/")[2].removesuffix(".json"))


def files_of(record: Change | Base) -> set[str]:
    """Return the files of photos and vectors that a record refers to."""
    entries = record.added if isinstance(record, Change) else record.entries
    return {photo_name(entry.sha256) for entry in entries} | {vectors_name(file) for file in vector_files(record)}


def vector_files(record: Change | Base) -> list[str]:
    """Return the checksums of the files of vectors that a record refers to."""
    arrays = (record.recognition or {}).get(ARRAYS, {})
    return [*([] if record.vectors is None else [record.vectors]), *arrays.values()]
