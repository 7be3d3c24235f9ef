"""Verify the integrity of every file of a gallery."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

from shelfmind.errors import UserError
from shelfmind.gallery.changes import (
    BASES,
    CHANGES,
    PHOTOS,
    VECTORS,
    DamagedFileError,
    change_name,
    checksum,
    photo_name,
    read_base,
    read_change,
    seal_of,
    vector_files,
    vectors_name,
    version_of,
    versions_in,
)
from shelfmind.gallery.reader import MAX_ATTEMPTS
from shelfmind.gallery.state import GalleryState
from shelfmind.gallery.storage import AT_ONCE, Files
from shelfmind.machine.ahead import map_ahead
from shelfmind.progress import Counter, count_silently


@dataclass(frozen=True)
class Fault:
    """A damaged or missing file of a gallery."""

    file: str
    what: str


def verify(files: Files, counter: Counter = count_silently) -> list[Fault]:
    """Read every file of a gallery and return those that are damaged or missing.

    Faults seen while another process changes the gallery are checked again.
    """
    for _ in range(MAX_ATTEMPTS):
        log = _log(files)
        try:
            faults = list(_faults(files, counter))
        except FileNotFoundError:  # a compaction deleted it
            continue
        if not faults or log == _log(files):
            return faults
    raise UserError(f"{files} changes faster than it can be read; try again")


def _log(files: Files) -> tuple[list[str], list[str]]:
    return versions_in(files, BASES), versions_in(files, CHANGES)


def _faults(files: Files, counter: Counter) -> Iterator[Fault]:
    state = GalleryState()
    bases = versions_in(files, BASES)
    photos: dict[str, None] = {}
    vectors: dict[str, None] = {}
    try:
        if bases:
            base = read_base(bases[-1], files.read(bases[-1]))
            state = GalleryState.of_base(base)
            photos |= dict.fromkeys(entry.sha256 for entry in base.entries)
            vectors |= dict.fromkeys(vector_files(base))
    except DamagedFileError as error:
        yield Fault(error.name, error.what)
        return
    versions = [version_of(name) for name in versions_in(files, CHANGES)]
    for version in range(state.version + 1, max(versions, default=state.version) + 1):
        name = change_name(version)
        try:
            content = files.read(name)
            change = read_change(name, content)
            if change.previous != state.head:
                raise DamagedFileError(name, "it does not follow the previous change")
        except FileNotFoundError:
            yield Fault(name, "it is missing")
            return
        except DamagedFileError as error:
            yield Fault(error.name, error.what)
            return
        state.apply(change, seal_of(content))
        photos |= dict.fromkeys(entry.sha256 for entry in change.added)
        vectors |= dict.fromkeys(vector_files(change))
    vectors |= dict.fromkeys(file for file, _ in state.located.values())
    yield from _mismatched(files, vectors, photos, counter)


def _mismatched(files: Files, vectors: Iterable[str], photos: Iterable[str], counter: Counter) -> Iterator[Fault]:
    """Yield files of vectors and photos that are missing or whose content does not match the checksum in their name."""
    named = {vectors_name(digest): digest for digest in vectors} | {photo_name(sha256): sha256 for sha256 in photos}
    large, small = files.names(VECTORS), files.names(PHOTOS)
    present = [*large, *small]
    for name in sorted(named.keys() - set(present)):
        yield Fault(name, "it is missing")
    progress = counter("verifying files", len(present), "files")

    def sum_of(name: str) -> str:
        return checksum(files.read(name))

    sums = chain(map(sum_of, large), map_ahead(sum_of, small, 2 * AT_ONCE, AT_ONCE))
    for name, found in zip(present, sums, strict=True):
        progress(1)
        if found != name.rpartition("/")[2].removesuffix(".npy"):
            yield Fault(name, "its checksum does not match")
