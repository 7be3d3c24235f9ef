"""Read a gallery: its newest and earlier versions, vectors and photos, safe with concurrent writers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Protocol, TypeVar

from shelfmind.arrays import Floats
from shelfmind.errors import UserError, argument, call
from shelfmind.gallery.changes import (
    ARRAYS,
    BASES,
    CHANGES,
    DamagedFileError,
    Entry,
    MissingFileError,
    change_name,
    checksum,
    photo_name,
    read_base,
    read_change,
    seal_of,
    version_of,
    versions_in,
)
from shelfmind.gallery.state import GalleryState
from shelfmind.gallery.storage import AT_ONCE, Files
from shelfmind.gallery.vectors import gathered, read_vectors
from shelfmind.machine.ahead import map_ahead

T = TypeVar("T")
MAX_ATTEMPTS = 1000
"""Maximum number of attempts at a change. Each failed attempt means that another process made a change."""
MIN_ATTEMPTS = 3
"""Number of attempts before a file counts as missing, as another process may be restoring it."""
_PAUSE = 0.1


class Embedder(Protocol):
    """Computes embeddings of photos. `identity` describes the weights, the preprocessing and the vector length."""

    @property
    def identity(self) -> Mapping[str, Any]:
        """JSON values. Equal identities give equal vectors for equal photos. ``width`` is the vector length; ``run``,
        the location of the network, may differ."""

    def embed(self, photos: Iterable[bytes], total: int) -> Floats:
        """Return vectors (N, D) of `total` encoded photos."""


class GalleryReader:
    """A gallery at its newest version as of the last opening or refresh.

    Attributes:
        files: its files.
        state: its products.
        folded: the version up to which changes were folded by a compaction; 0 if there was none.
    """

    def __init__(self, files: Files) -> None:
        """Nothing is read until `refresh`."""
        self.files, self.state, self.folded = files, GalleryState(), 0

    def refresh(self) -> None:
        """Advance to the newest version, change by change."""
        folded = None
        for attempt in range(MAX_ATTEMPTS):
            try:
                self._read_newer_changes()
                return
            except FileNotFoundError as error:  # changes were folded into a base while being read
                last, folded = folded, versions_in(self.files, BASES)[-1:]
                if attempt >= MIN_ATTEMPTS and last == folded:
                    raise missing(error) from error
                self.state, self.folded = GalleryState(), 0
                time.sleep(attempt * _PAUSE)
        raise UserError(f"{self.files} changes faster than it can be read; try again")

    def _read_newer_changes(self) -> None:
        bases = versions_in(self.files, BASES)
        folded = version_of(bases[-1]) if bases else 0
        if folded > self.folded:  # vectors are in other files now
            self.state, self.folded = GalleryState.of_base(read_base(bases[-1], self.files.read(bases[-1]))), folded
        newest = max((version_of(name) for name in versions_in(self.files, CHANGES)), default=0)
        for version in range(self.state.version + 1, newest + 1):
            self._apply(version)

    def _apply(self, version: int, state: GalleryState | None = None) -> None:
        state = self.state if state is None else state
        name = change_name(version)
        content = self.files.read(name)
        change = read_change(name, content)
        if change.previous != state.head or change.summary.version != version:
            raise DamagedFileError(name, "it does not follow the previous change")
        state.apply(change, seal_of(content))

    def require_embedder(self, embedder: Embedder) -> None:
        """Raise `UserError` if the vectors were computed with other weights or another preprocessing."""
        own, other = dict(self.state.embedder), dict(embedder.identity)
        different = sorted(key for key in {*own, *other} - {"run"} if own.get(key) != other.get(key))
        if different:
            renewal = call("gallery_re_embed", gallery=str(self.files), run=str(other.get("run", "RUN")))
            raise UserError(
                f"the vectors of {self.files} are of another network or preprocessing ({', '.join(different)} differ); "
                f"use the run that they were computed with, or recompute them: {renewal}"
            )

    def vectors(self) -> tuple[list[Entry], Floats]:
        """Return all photos with their unit vectors (N, D), sorted by product name."""
        return self.with_retry(self._vectors)

    def _vectors(self) -> tuple[list[Entry], Floats]:
        entries = list(self.state.entries())
        wanted = [self.state.located[entry.sha256] for entry in entries]
        return entries, gathered(self.files, wanted, int(self.state.embedder["width"]))

    def vector(self, sha256: str) -> Floats:
        """Return the unit vector (D,) of an enrolled photo."""

        def read() -> Floats:
            return gathered(self.files, [self.state.located[sha256]], int(self.state.embedder["width"]))

        vector: Floats = self.with_retry(read)[0]
        return vector

    def with_retry(self, read: Callable[[], T]) -> T:
        """Read files. If one is gone because another process compacted the gallery, refresh and retry."""
        for attempt in range(MAX_ATTEMPTS):
            known = self.state.head, self.folded
            try:
                return read()
            except (FileNotFoundError, MissingFileError) as error:
                self.refresh()
                if attempt >= MIN_ATTEMPTS and known == (self.state.head, self.folded):
                    raise missing(error) from error
                time.sleep(attempt * _PAUSE)
        raise UserError(f"{self.files} changes faster than it can be read; try again")

    def recognition(self) -> tuple[Mapping[str, Any], dict[str, Floats]] | None:
        """Return the fitted recognition parameters and their arrays by name, or None if there are none."""
        return self.with_retry(self._recognition)

    def _recognition(self) -> tuple[Mapping[str, Any], dict[str, Floats]] | None:
        record = self.state.recognition
        if record is None:
            return None
        return record, {name: read_vectors(self.files, digest) for name, digest in record[ARRAYS].items()}

    def photo(self, sha256: str) -> bytes:
        """Return the content of a photo. Raises `DamagedFileError`."""
        name = photo_name(sha256)
        try:
            content = self.files.read(name)
        except FileNotFoundError:
            raise MissingFileError(name) from None
        if checksum(content) != sha256:
            raise DamagedFileError(name, "its checksum does not match")
        return content

    def photos(self, shas: Iterable[str]) -> Iterator[bytes]:
        """The contents of photos, in order, read ahead in threads."""
        return map_ahead(self.photo, shas, 2 * AT_ONCE, AT_ONCE)

    def at(self, version: int) -> GalleryState:
        """Return the gallery at a version. Raises `UserError` if there is no such version, or no longer."""

        def read() -> GalleryState:
            require_version(version, self.state)
            return self._at(version, self.state)

        return self.with_retry(read)

    def _at(self, version: int, now: GalleryState) -> GalleryState:
        bases = [name for name in versions_in(self.files, BASES) if version_of(name) <= now.first_version]
        state = GalleryState.of_base(read_base(bases[-1], self.files.read(bases[-1]))) if bases else GalleryState()
        for each in range(state.version + 1, version + 1):
            self._apply(each, state)
        return state


def missing(error: Exception) -> UserError:
    """Return the error for a file that stays missing."""
    return error if isinstance(error, UserError) else MissingFileError(str(getattr(error, "filename", error)))


def require_version(version: int, state: GalleryState) -> None:
    if version < state.first_version and version > 0:
        raise UserError(
            f"version {version} was deleted by a compaction, which kept version {state.first_version} and later ones"
        )
    if not 0 < version <= state.version:
        raise UserError(f"{argument('version')} must be from {state.first_version} to {state.version}, got {version}")
