"""Read photos to enrol and store them in a gallery."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from shelfmind.errors import UserError
from shelfmind.gallery.changes import checksum, photo_name
from shelfmind.gallery.storage import AT_ONCE, Files
from shelfmind.images.photo_files import read_file
from shelfmind.machine.ahead import map_ahead
from shelfmind.progress import Counter, count_silently

_HELD_BYTES = 1 << 28
"""Maximum size of the photos kept in memory between storing and embedding them."""


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

    def __init__(
        self,
        files: Files,
        photos: Sequence[Photo],
        enrolled: Callable[[str], bytes],
        counter: Counter = count_silently,
    ) -> None:
        """`enrolled` reads a photo of the gallery by its checksum."""
        self.files, self.enrolled, self.counter = files, enrolled, counter
        self.photos: list[tuple[str, Photo]] = []
        self.held: dict[str, bytes] = {}
        self.sources: dict[str, Photo] = {}
        room = _HELD_BYTES
        progress = counter("reading photos", len(photos))
        for photo, (content, sha256) in zip(photos, map_ahead(_read, photos, 2 * AT_ONCE, AT_ONCE), strict=True):
            progress(1)
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

    def put(self) -> None:
        """Store the photos that are missing."""
        self._put_all("storing photos", self.sources)

    def put_again(self, shas: Collection[str]) -> None:
        """Store photos that a sweep has just deleted."""
        self._put_all("checking stored photos", shas)

    def _put_all(self, what: str, shas: Collection[str]) -> None:
        progress = self.counter(what, len(shas))
        for _ in map_ahead(self._put, shas, 2 * AT_ONCE, AT_ONCE):
            progress(1)

    def _put(self, sha256: str) -> None:
        if not self.files.has(photo_name(sha256)):
            self.files.create(photo_name(sha256), self.content(sha256))


def _read(photo: Photo) -> tuple[bytes, str]:
    content = photo.read()
    return content, checksum(content)
