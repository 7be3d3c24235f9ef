"""One change of a gallery as a file: what came in, what went, who did it and why; sealed with a checksum."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from shelfmind.errors import UserError

FORMAT = 1
COMPACTION = "compact"
"""The kind of a change that forgets all versions before it, and what only they name."""
ARRAYS = "arrays"
"""The key under which what was fitted names its files of arrays."""
CHANGES, BASES, VECTORS, PHOTOS = "changes", "bases", "vectors", "photos"


class DamagedFileError(UserError):
    """A file of a gallery does not hold what was written; `name` says which."""

    def __init__(self, name: str, what: str) -> None:
        super().__init__(f"{name} is damaged: {what}; put it back from a copy")
        self.name, self.what = name, what


class MissingFileError(DamagedFileError):
    """A file that a gallery names is not there; another process may have deleted it a moment ago, as none needs it."""

    def __init__(self, name: str) -> None:
        super().__init__(name, "it is missing")


@dataclass(frozen=True, slots=True)
class Entry:
    """A photo of a product: the product's name, the SHA-256 of the photo (hexadecimal), the name of its file."""

    sku: str
    sha256: str
    photo: str


@dataclass(frozen=True)
class Summary:
    """A change in the history: its version, when (ISO 8601, UTC), by whom and why, what kind, and what it did."""

    version: int
    time: str
    author: str
    reason: str
    kind: str
    detail: str


@dataclass(frozen=True)
class Change:
    """A change: `added` and `removed` photos of products, and the new vectors that it brought.

    `vectors` is the checksum of a file of unit vectors, whose rows are those of the photos `embedded`. `embedder` is
    the identity of the network and the preparation that all vectors are of, if it changed. `recognition` is what was
    fitted for answering, if that changed; its ``arrays`` name files of vectors. `previous` is the checksum of the
    change before, so that no file can be exchanged without notice.
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
    """A gallery as it was at a version, of which the changes up to it are no longer kept."""

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
    """The file of a version."""
    return f"{CHANGES}/{version:09d}.json"


def vectors_name(checksum: str) -> str:
    """The file of vectors with this checksum."""
    return f"{VECTORS}/{checksum}.npy"


def photo_name(sha256: str) -> str:
    """The file of a photo with this content."""
    return f"{PHOTOS}/{sha256[:2]}/{sha256}"


def sealed(record: Change | Base) -> bytes:
    """A record as the content of its file: a line of JSON and its SHA-256."""
    content = {"format": FORMAT, **asdict(record)}
    line = json.dumps(content, ensure_ascii=True, separators=(",", ":")).encode()
    return line + b"\n" + checksum(line).encode() + b"\n"


def checksum(content: bytes) -> str:
    """The SHA-256 in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def seal_of(content: bytes) -> str:
    """The checksum at the end of a sealed record."""
    return content.rstrip(b"\n").rpartition(b"\n")[2].decode("ascii", "replace")


def read_change(name: str, content: bytes) -> Change:
    """The change in a file.

    Raises:
        DamagedFileError: it is not what was written.
        UserError: it is of a newer version of shelfmind.
    """
    known = _opened(name, content)
    return Change(
        summary=Summary(**known["summary"]),
        previous=known["previous"],
        added=_entries(known["added"]),
        removed=_entries(known["removed"]),
        vectors=known["vectors"],
        embedded=tuple(known["embedded"]),
        embedder=known["embedder"],
        recognition=known.get("recognition"),
    )


def read_base(name: str, content: bytes) -> Base:
    """The base in a file; raises as `read_change`."""
    known = _opened(name, content)
    return Base(
        version=known["version"],
        head=known["head"],
        embedder=known["embedder"],
        entries=_entries(known["entries"]),
        vectors=known["vectors"],
        embedded=tuple(known["embedded"]),
        history=tuple(Summary(**each) for each in known["history"]),
        recognition=known.get("recognition"),
    )


def _opened(name: str, content: bytes) -> dict[str, Any]:
    line, _, seal = content.partition(b"\n")
    if seal != checksum(line).encode() + b"\n":
        raise DamagedFileError(name, "its checksum is another")
    known: dict[str, Any] = json.loads(line)
    if known["format"] > FORMAT:
        raise UserError(f"{name} was written by a newer shelfmind (format {known['format']}); update shelfmind")
    return known


def _entries(rows: list[Mapping[str, str]]) -> tuple[Entry, ...]:
    return tuple(Entry(**row) for row in rows)


def version_of(name: str) -> int:
    """The version in the name of a file of changes or of a base."""
    return int(name.rpartition("/")[2].removesuffix(".json"))


def files_of(record: Change | Base) -> set[str]:
    """The files of photos and vectors that a record names."""
    entries = record.added if isinstance(record, Change) else record.entries
    return {photo_name(entry.sha256) for entry in entries} | {vectors_name(file) for file in vector_files(record)}


def vector_files(record: Change | Base) -> list[str]:
    """The files of vectors that a record names, by their checksums."""
    arrays = (record.recognition or {}).get(ARRAYS, {})
    return [*([] if record.vectors is None else [record.vectors]), *arrays.values()]
