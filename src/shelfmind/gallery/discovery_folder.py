"""The folder of a discovery: candidate products with photos and vectors, and everything that their review needs."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from shelfmind.arrays import Floats
from shelfmind.errors import UserError, call
from shelfmind.files import write_atomically
from shelfmind.gallery.changes import checksum
from shelfmind.structured_text import parse_json

FORMAT = 1
GROUPS, TABLE, VECTORS, PAGE = "groups.json", "groups.csv", "vectors.npy", "discovery.html"
NEW, CHANGED = "new", "changed"
"""Kinds of groups: a product that is not enrolled, and an enrolled one that looks different."""
COLUMNS = ("path", "group", "nearest", "similarity", "what")


@dataclass(frozen=True, slots=True)
class Nearest:
    """The most similar enrolled product, the cosine similarity, and its most similar photo."""

    sku: str
    similarity: float
    sha256: str


@dataclass(frozen=True, slots=True)
class FoundPhoto:
    """A photo: its absolute path, the SHA-256 of its content (hexadecimal), and the most similar enrolled product."""

    path: str
    sha256: str
    nearest: Nearest | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """Photos that probably show one product, most typical first.

    `number` counts from 1, the largest group first. `kind` is `NEW` or `CHANGED`, `likeness` the mean cosine similarity
    of two of its photos (1 for a single one), `nearest` the enrolled product most similar to all of them.
    """

    number: int
    kind: str
    likeness: float
    nearest: Nearest | None
    photos: tuple[FoundPhoto, ...]

    @property
    def key(self) -> str:
        """The key of decisions. It depends on the content, so the same photos have the same key in every discovery."""
        content = "\n".join(sorted({photo.sha256 for photo in self.photos}))
        return f"group {hashlib.sha256(content.encode()).hexdigest()[:16]}"


@dataclass(frozen=True)
class Discovery:
    """The result of a discovery: groups, largest first, and ungrouped photos.

    `gallery` is the gallery's location, `embedder` the identity of its embedder, `figures` the limits and counts.
    `known` are photos of enrolled products, `alone` ungrouped photos, `unusable` paths with reasons. `vectors` (N, D)
    are those of the groups' photos, group by group.
    """

    gallery: str
    embedder: Mapping[str, Any]
    figures: Mapping[str, Any]
    groups: tuple[Group, ...]
    known: tuple[FoundPhoto, ...]
    alone: tuple[FoundPhoto, ...]
    unusable: tuple[tuple[str, str], ...]
    vectors: Floats

    def vectors_of(self) -> list[Floats]:
        """Return the vectors of each group's photos."""
        ends = np.cumsum([len(group.photos) for group in self.groups])
        return np.split(self.vectors, ends[:-1]) if self.groups else []


def write_discovery(folder: Path, found: Discovery) -> None:
    """Write the list, the table and the vectors into an existing folder."""
    stream = io.BytesIO()
    np.save(stream, np.ascontiguousarray(found.vectors, np.float32), allow_pickle=False)
    vectors = stream.getvalue()
    content = {
        "format": FORMAT,
        "gallery": found.gallery,
        "embedder": dict(found.embedder),
        "figures": dict(found.figures),
        "groups": [{**asdict(group), "key": group.key} for group in found.groups],
        "known": [asdict(photo) for photo in found.known],
        "alone": [asdict(photo) for photo in found.alone],
        "unusable": [{"path": path, "reason": reason} for path, reason in found.unusable],
        "vectors": checksum(vectors),
    }
    _write(folder / VECTORS, vectors)
    _write(folder / TABLE, _table(found))
    _write(folder / GROUPS, _encoded(content))


def read_discovery(folder: Path) -> Discovery:
    """Read what `write_discovery` wrote. Raises `UserError` if the folder is not a discovery or is damaged."""
    path = folder / GROUPS
    try:
        known = parse_json(path.read_bytes())
        vectors = (folder / VECTORS).read_bytes()
    except FileNotFoundError as error:
        again = call("gallery_discover", gallery="GALLERY", paths=["PHOTOS"], out=str(folder))
        raise UserError(
            f"{folder} is not a discovery: it has no {Path(error.filename).name}; create one: {again}"
        ) from None
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        raise UserError(f"{path} is damaged: {error}; discover again") from error
    try:
        if known["format"] > FORMAT:
            raise UserError(f"{path} was written by a newer shelfmind (format {known['format']}); update shelfmind")
        if checksum(vectors) != known["vectors"]:
            raise UserError(f"{folder / VECTORS} is damaged: its checksum does not match; discover again")
        return Discovery(
            gallery=str(known["gallery"]),
            embedder=known["embedder"],
            figures=known["figures"],
            groups=tuple(_group(each) for each in known["groups"]),
            known=tuple(_photo(each) for each in known["known"]),
            alone=tuple(_photo(each) for each in known["alone"]),
            unusable=tuple((str(each["path"]), str(each["reason"])) for each in known["unusable"]),
            vectors=np.load(io.BytesIO(vectors), allow_pickle=False),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{path} is damaged: {error!r}; discover again") from error


def is_discovery(folder: Path) -> bool:
    """Whether a folder is the output of `gallery discover`."""
    return (folder / GROUPS).is_file()


def _table(found: Discovery) -> bytes:
    """Return a CSV table with a row per photo. Bytes of file names that are not UTF-8 are kept."""
    stream = io.StringIO(newline="")
    writer = csv.writer(stream)
    writer.writerow(COLUMNS)
    for group in found.groups:
        writer.writerows(_row(photo, str(group.number), group.kind) for photo in group.photos)
    writer.writerows(_row(photo, "", "known") for photo in found.known)
    writer.writerows(_row(photo, "", "alone") for photo in found.alone)
    writer.writerows((path, "", "", "", f"unusable: {reason}") for path, reason in found.unusable)
    return stream.getvalue().encode("utf-8", "surrogateescape")


def _row(photo: FoundPhoto, group: str, what: str) -> Sequence[str]:
    nearest = photo.nearest
    return (photo.path, group, *(("", "") if nearest is None else (nearest.sku, f"{nearest.similarity:.4f}")), what)


def _encoded(content: Any) -> bytes:
    try:
        return json.dumps(content, ensure_ascii=False, indent=1).encode("utf-8") + b"\n"
    except UnicodeEncodeError:  # a file name that is not UTF-8
        return json.dumps(content, indent=1).encode("ascii") + b"\n"


def _write(path: Path, content: bytes) -> None:
    def fill(temporary: Path) -> None:
        temporary.write_bytes(content)

    write_atomically(path, fill)


def _group(record: Mapping[str, Any]) -> Group:
    return Group(
        number=int(record["number"]),
        kind=str(record["kind"]),
        likeness=float(record["likeness"]),
        nearest=_nearest(record["nearest"]),
        photos=tuple(_photo(each) for each in record["photos"]),
    )


def _photo(record: Mapping[str, Any]) -> FoundPhoto:
    return FoundPhoto(os.fspath(record["path"]), str(record["sha256"]), _nearest(record["nearest"]))


def _nearest(record: Mapping[str, Any] | None) -> Nearest | None:
    if record is None:
        return None
    return Nearest(str(record["sku"]), float(record["similarity"]), str(record["sha256"]))
