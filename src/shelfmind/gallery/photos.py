"""Read photos to enrol and store them in a gallery."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from shelfmind.errors import UserError
from shelfmind.gallery.changes import checksum, photo_name
from shelfmind.gallery.storage import Files
from shelfmind.images.photo_files import read_file

_HELD_BYTES = 1 << 28
"""Maximum number of photos kept in memory between storing and embedding them."""


@dataclass(frozen=True)
class Photo:
    """A photo to enrol: its product, its file name, and its encoded content or path."""

    sku: str
    name: str
    source: bytes | Path

    def read(self) -> bytes:
        """Return the encoded content."""
        if isinstance(self.source, bytes):
            return self.source
        try:
            return read_file(self.source)
        except OSError as error:
            raise UserError(f"{self.source} cannot be read: {error.strerror or error}") from error


class StoredPhotos:
    """Photos to be enrolled. Each is read once (unless too many to keep in memory) and stored in the gallery."""

    def __init__(self, files: Files, photos: Sequence[Photo], enrolled: Callable[[str], bytes]) -> None:
        """`enrolled` reads a photo of the gallery by its checksum."""
        self.files, self.enrolled = files, enrolled
        self.photos: list[tuple[str, Photo]] = []
        self.held: dict[str, bytes] = {}
        self.sources: dict[str, Photo] = {}
        room = _HELD_BYTES
        for photo in photos:
            content = photo.read()
            sha256 = checksum(content)
            self.photos.append((sha256, photo))
            if sha256 not in self.sources and len(content) <= room:
                self.held[sha256] = content
                room -= len(content)
            self.sources.setdefault(sha256, photo)

    def content(self, sha256: str) -> bytes:
        """Return a photo as it was first read, or one that is already enrolled."""
        if sha256 in self.held:
            return self.held[sha256]
        if sha256 not in self.sources:
            return self.enrolled(sha256)
        content = self.sources[sha256].read()
        if checksum(content) != sha256:
            raise UserError(f"{self.sources[sha256].name} was modified during the enrolment; nothing was changed")
        return content

    def put(self, shas: Iterable[str]) -> None:
        """Store photos that are missing, including those that a sweep has just deleted."""
        for sha256 in shas:
            if not self.files.has(photo_name(sha256)):
                self.files.create(photo_name(sha256), self.content(sha256))
