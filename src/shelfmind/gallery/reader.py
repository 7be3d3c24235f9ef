"""Reads a gallery: its newest version, earlier ones, vectors and photos, whatever other processes do meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
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
)
from shelfmind.gallery.state import GalleryState
from shelfmind.gallery.storage import Files
from shelfmind.gallery.vectors import gathered, read_vectors

T = TypeVar("T")
MOST_ATTEMPTS = 1000
"""How often a change is tried while other processes make theirs; each attempt that fails is a change of another."""
FEWEST_ATTEMPTS = 3
"""How often a file is looked for before it is missing: another process may be putting it back."""
_PAUSE = 0.1


class Embedder(Protocol):
    """Makes vectors of photos; `identity` says by which weights and which preparation, and how long they are."""

    @property
    def identity(self) -> Mapping[str, Any]:
        """JSON values: equal ones make equal vectors of equal photos. ``width`` is their length; ``run``, where the
        network lay, may differ."""

    def embed(self, photos: Iterable[bytes], total: int) -> Floats:
        """Vectors (N, D) of so many encoded photos."""


class GalleryReader:
    """The newest version of a gallery, as it was when it was opened or refreshed.

    Attributes:
        files: where it lies.
        state: its products.
        folded: the version up to which changes are no longer kept one by one, 0 if all are.
    """

    def __init__(self, files: Files) -> None:
        """Nothing is read before `refresh`."""
        self.files, self.state, self.folded = files, GalleryState(), 0

    def refresh(self) -> None:
        """Go on to the newest version; what came in between appears change by change, each whole."""
        folded = None
        for attempt in range(MOST_ATTEMPTS):
            try:
                self._read_on()
                return
            except FileNotFoundError as error:  # changes were folded into a base while they were read
                last, folded = folded, self.files.names(BASES)[-1:]
                if attempt >= FEWEST_ATTEMPTS and last == folded:
                    raise missing(error) from error
                self.state, self.folded = GalleryState(), 0
                time.sleep(attempt * _PAUSE)
        raise UserError(f"{self.files} changes faster than it can be read")

    def _read_on(self) -> None:
        bases = self.files.names(BASES)
        folded = version_of(bases[-1]) if bases else 0
        if folded > self.folded:  # vectors lie elsewhere since then
            self.state, self.folded = GalleryState.of_base(read_base(bases[-1], self.files.read(bases[-1]))), folded
        newest = max((version_of(name) for name in self.files.names(CHANGES)), default=0)
        for version in range(self.state.version + 1, newest + 1):
            self._apply(version)

    def _apply(self, version: int, state: GalleryState | None = None) -> None:
        state = self.state if state is None else state
        name = change_name(version)
        content = self.files.read(name)
        change = read_change(name, content)
        if change.previous != state.head or change.summary.version != version:
            raise DamagedFileError(name, "it does not follow the change before it")
        state.apply(change, seal_of(content))

    def require_embedder(self, embedder: Embedder) -> None:
        """Raise `UserError` if the vectors were made by other weights or of photos prepared in another way."""
        own, other = dict(self.state.embedder), dict(embedder.identity)
        different = sorted(key for key in {*own, *other} - {"run"} if own.get(key) != other.get(key))
        if different:
            renewal = call("gallery_re_embed", gallery=str(self.files), run=str(other.get("run", "RUN")))
            raise UserError(
                f"the vectors of {self.files} are of another network or preparation ({', '.join(different)} differ); "
                f"use the run that it was made with, or renew them: {renewal}"
            )

    def vectors(self) -> tuple[list[Entry], Floats]:
        """All photos with their unit vectors (N, D), products in the order of their names."""
        return self.whatever_others_do(self._vectors)

    def _vectors(self) -> tuple[list[Entry], Floats]:
        entries = list(self.state.entries())
        wanted = [self.state.located[entry.sha256] for entry in entries]
        return entries, gathered(self.files, wanted, int(self.state.embedder["width"]))

    def vector(self, sha256: str) -> Floats:
        """The unit vector (D,) of an enrolled photo."""

        def read() -> Floats:
            return gathered(self.files, [self.state.located[sha256]], int(self.state.embedder["width"]))

        vector: Floats = self.whatever_others_do(read)[0]
        return vector

    def whatever_others_do(self, read: Callable[[], T]) -> T:
        """Read files; if one is gone because another process compacted meanwhile, read on and do it again."""
        for attempt in range(MOST_ATTEMPTS):
            known = self.state.head, self.folded
            try:
                return read()
            except (FileNotFoundError, MissingFileError) as error:
                self.refresh()
                if attempt >= FEWEST_ATTEMPTS and known == (self.state.head, self.folded):
                    raise missing(error) from error
                time.sleep(attempt * _PAUSE)
        raise UserError(f"{self.files} changes faster than it can be read")

    def recognition(self) -> tuple[Mapping[str, Any], dict[str, Floats]] | None:
        """What was fitted for answering, and its arrays by name; None if nothing was."""
        return self.whatever_others_do(self._recognition)

    def _recognition(self) -> tuple[Mapping[str, Any], dict[str, Floats]] | None:
        record = self.state.recognition
        if record is None:
            return None
        return record, {name: read_vectors(self.files, digest) for name, digest in record[ARRAYS].items()}

    def photo(self, sha256: str) -> bytes:
        """The content of a photo. Raises `DamagedFileError`."""
        name = photo_name(sha256)
        try:
            content = self.files.read(name)
        except FileNotFoundError:
            raise MissingFileError(name) from None
        if checksum(content) != sha256:
            raise DamagedFileError(name, "its checksum is another")
        return content

    def at(self, version: int) -> GalleryState:
        """The gallery as it was at a version. Raises `UserError` for one that there is not, or no longer."""
        require_version(version, self.state)
        return self._at(version, self.state)

    def _at(self, version: int, now: GalleryState) -> GalleryState:
        bases = [name for name in self.files.names(BASES) if version_of(name) <= now.first_version]
        state = GalleryState.of_base(read_base(bases[-1], self.files.read(bases[-1]))) if bases else GalleryState()
        for each in range(state.version + 1, version + 1):
            self._apply(each, state)
        return state


def missing(error: Exception) -> UserError:
    """Of a file that is not there and that nobody puts back."""
    return error if isinstance(error, UserError) else MissingFileError(str(getattr(error, "filename", error)))


def require_version(version: int, state: GalleryState) -> None:
    if version < state.first_version and version > 0:
        raise UserError(
            f"version {version} can no longer be read: a compaction kept version {state.first_version} and later ones"
        )
    if not 0 < version <= state.version:
        raise UserError(f"{argument('version')} must be from {state.first_version} to {state.version}, got {version}")
