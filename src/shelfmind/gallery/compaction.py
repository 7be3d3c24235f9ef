"""Compaction: fold the versions of a gallery into one base and delete files that no product uses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress

from shelfmind.arrays import Floats
from shelfmind.gallery.changes import (
    BASES,
    CHANGES,
    COMPACTION,
    Base,
    Change,
    Entry,
    files_of,
    read_base,
    read_change,
    sealed,
    version_of,
    versions_in,
)
from shelfmind.gallery.reader import GalleryReader
from shelfmind.gallery.sweeping import abandoned, sweep
from shelfmind.gallery.vectors import write_vectors


class Compaction:
    """Compacts a gallery whose newest version is a change of the kind `COMPACTION`."""

    def __init__(self, gallery: GalleryReader) -> None:
        self.gallery, self.files = gallery, gallery.files
        self._need: tuple[tuple[str, int], set[str]] | None = None

    def fold(self, entries: Sequence[Entry], vectors: Floats) -> int:
        """Write the base and delete the files that it does not refer to."""
        state = self.gallery.state
        rows = {entry.sha256: row for row, entry in enumerate(entries)}
        once = vectors[list(rows.values())]
        base = Base(
            state.version,
            state.head,
            state.embedder,
            tuple(entries),
            write_vectors(self.files, once) if rows else None,
            tuple(rows),
            tuple(state.history),
            state.recognition,
        )
        past = list(self._past(base.version))
        self.files.create(base.name, sealed(base))  # it exists if a process was killed during the clean-up
        if rows:
            write_vectors(self.files, once)
        named = {name for each in past for name in files_of(each)}
        needed = self._needed()
        gone = sweep(self.files, [*sorted(named - needed), *abandoned(self.files, named | needed)], self._needed)
        for record in past:
            self.files.delete(record.name)
        return gone + len(past)

    def _past(self, version: int) -> Iterator[Change | Base]:
        """Yield the bases before a version and the changes up to it, unless another compaction deletes them first."""
        for name in versions_in(self.files, BASES):
            if version_of(name) < version:
                with suppress(FileNotFoundError):
                    yield read_base(name, self.files.read(name))
        for name in versions_in(self.files, CHANGES):
            if version_of(name) <= version:
                with suppress(FileNotFoundError):
                    yield read_change(name, self.files.read(name))

    def _needed(self) -> set[str]:
        """Return the files of photos and vectors that the newest version and all restorable ones refer to."""
        self.gallery.refresh()
        state = self.gallery.state
        if self._need is None or self._need[0] != (state.head, self.gallery.folded):
            names = {name for record in self.gallery.with_retry(self._current_records) for name in files_of(record)}
            self._need = (state.head, self.gallery.folded), names
        return self._need[1]

    def _current_records(self) -> list[Change | Base]:
        """Return the newest base and the changes after it."""
        bases = [read_base(name, self.files.read(name)) for name in versions_in(self.files, BASES)[-1:]]
        folded = bases[0].version if bases else 0
        changes = [name for name in versions_in(self.files, CHANGES) if version_of(name) > folded]
        return [*bases, *(read_change(name, self.files.read(name)) for name in changes)]


def is_compact(gallery: GalleryReader) -> bool:
    """Whether the newest version is a finished compaction."""
    return gallery.folded == gallery.state.version and gallery.state.history[-1].kind == COMPACTION
