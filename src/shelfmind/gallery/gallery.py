"""A gallery: enrol, remove, rename, merge, go back, look up; every change is one version, whole or not at all."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import numpy as np

from shelfmind.arrays import Floats
from shelfmind.errors import UserError, argument, call
from shelfmind.evaluation.matrix_rows import unit_rows
from shelfmind.gallery.changes import (
    BASES,
    CHANGES,
    COMPACTION,
    PHOTOS,
    VECTORS,
    Base,
    Change,
    DamagedFileError,
    Entry,
    MissingFileError,
    Summary,
    change_name,
    checksum,
    photo_name,
    read_base,
    read_change,
    seal_of,
    sealed,
    vectors_name,
)
from shelfmind.gallery.state import GalleryState
from shelfmind.gallery.storage import Files
from shelfmind.gallery.sweeping import abandoned, sweep
from shelfmind.gallery.vectors import gathered, read_vectors, write_vectors
from shelfmind.machine.login import login_name
from shelfmind.nouns import counted, shortened

if TYPE_CHECKING:  # what guards an enrolment is loaded by who wants it
    from shelfmind.gallery.findings import Finding
    from shelfmind.gallery.guard import Guard

T = TypeVar("T")
LONGEST_NAME = 300
ARRAYS = "arrays"
"""The key under which what was fitted names its files of arrays."""
MOST_ATTEMPTS = 1000
"""How often a change is tried while other processes make theirs; each attempt that fails is a change of another."""
FEWEST_ATTEMPTS = 3
"""How often a file is looked for before it is missing: another process may be putting it back."""
_PAUSE = 0.1
_HELD_BYTES = 1 << 28
"""Photos that are held in memory between being stored and being embedded."""


class Embedder(Protocol):
    """Makes vectors of photos; `identity` says by which weights and which preparation, and how long they are."""

    @property
    def identity(self) -> Mapping[str, Any]:
        """JSON values: equal ones make equal vectors of equal photos. ``width`` is their length; ``run``, where the
        network lay, may differ."""

    def embed(self, photos: Iterable[bytes], total: int) -> Floats:
        """Vectors (N, D) of so many encoded photos."""


@dataclass(frozen=True)
class Photo:
    """A photo to enrol: the product it shows, its file's name, and its encoded content or where that lies."""

    sku: str
    name: str
    source: bytes | Path

    def read(self) -> bytes:
        """The encoded content."""
        if isinstance(self.source, bytes):
            return self.source
        try:
            return self.source.read_bytes()
        except OSError as error:
            raise UserError(f"{self.source} cannot be read: {error.strerror or error}") from error


@dataclass(frozen=True)
class By:
    """Who makes a change, and why."""

    author: str
    reason: str = ""


@dataclass(frozen=True)
class ChangeOutcome:
    """The version that a change made, None if there was nothing to change, and what people should know of it.

    `findings` are what a guard found, `warnings` the words for it.
    """

    version: int | None
    detail: str
    warnings: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class Fault:
    """A file of a gallery that does not hold what was written."""

    file: str
    what: str


@dataclass
class _Plan:
    """What a change is to do, worked out for one state."""

    kind: str
    detail: str
    added: list[Entry] = field(default_factory=list)
    removed: list[Entry] = field(default_factory=list)
    vectors: Floats | None = None
    embedded: list[str] = field(default_factory=list)
    embedder: Mapping[str, Any] | None = None
    recognition: Mapping[str, Any] | None = None
    warnings: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    forgets: bool = False

    @property
    def changes_something(self) -> bool:
        return bool(self.added or self.removed or self.forgets) or not (
            self.embedder is None and self.recognition is None
        )

    def outcome(self, version: int | None) -> ChangeOutcome:
        """With the version that it made."""
        return ChangeOutcome(version, self.detail, tuple(self.warnings), tuple(self.findings))


class _Stored:
    """Photos to be enrolled, each read once (but for those beyond what memory holds) and put among the files."""

    def __init__(self, gallery: Gallery, photos: Sequence[Photo]) -> None:
        self.gallery = gallery
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
        """A photo as it was read, or one that is enrolled already."""
        if sha256 in self.held:
            return self.held[sha256]
        if sha256 not in self.sources:
            return self.gallery.photo(sha256)
        content = self.sources[sha256].read()
        if checksum(content) != sha256:
            raise UserError(f"{self.sources[sha256].name} was changed while it was enrolled; nothing was changed")
        return content

    def put(self, shas: Iterable[str]) -> None:
        """Put those that are not there, or that a sweeper took away meanwhile."""
        for sha256 in shas:
            if not self.gallery.files.has(photo_name(sha256)):
                self.gallery.files.create(photo_name(sha256), self.content(sha256))


class Gallery:
    """The newest version of a gallery, as it was when it was opened, refreshed or changed."""

    def __init__(self, files: Files) -> None:
        """Open it. Raises `UserError` if there is none, or one that is damaged or of a newer version."""
        self.files = files
        self.state = GalleryState()
        self._base = 0
        self._need: tuple[tuple[str, int], set[str]] | None = None
        self.refresh()
        if not self.state.version:
            raise UserError(f"there is no gallery at {files}")

    @classmethod
    def create(cls, files: Files, embedder: Embedder, by: By) -> Gallery:
        """A new, empty gallery whose vectors `embedder` makes. Raises `UserError` if there is one."""
        gallery = cls.__new__(cls)
        gallery.files, gallery.state, gallery._base, gallery._need = files, GalleryState(), 0, None
        gallery.refresh()
        if gallery.state.version:
            raise UserError(f"{files} is a gallery already; choose another folder")
        gallery._commit(by, lambda state: _created(state, embedder, files))
        return gallery

    # Reading

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
                    raise _missing(error) from error
                self.state, self._base = GalleryState(), 0
                time.sleep(attempt * _PAUSE)
        raise UserError(f"{self.files} changes faster than it can be read")

    def _read_on(self) -> None:
        bases = self.files.names(BASES)
        folded = _version_of(bases[-1]) if bases else 0
        if folded > self._base:  # vectors lie elsewhere since then
            self.state, self._base = GalleryState.of_base(read_base(bases[-1], self.files.read(bases[-1]))), folded
        newest = max((_version_of(name) for name in self.files.names(CHANGES)), default=0)
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
        return self._whatever_others_do(self._vectors)

    def _vectors(self) -> tuple[list[Entry], Floats]:
        entries = list(self.state.entries())
        wanted = [self.state.located[entry.sha256] for entry in entries]
        return entries, gathered(self.files, wanted, int(self.state.embedder["width"]))

    def vector(self, sha256: str) -> Floats:
        """The unit vector (D,) of an enrolled photo."""

        def read() -> Floats:
            return gathered(self.files, [self.state.located[sha256]], int(self.state.embedder["width"]))

        vector: Floats = self._whatever_others_do(read)[0]
        return vector

    def _whatever_others_do(self, read: Callable[[], T]) -> T:
        """Read files; if one is gone because another process compacted meanwhile, read on and do it again."""
        for attempt in range(MOST_ATTEMPTS):
            known = self.state.head, self._base
            try:
                return read()
            except (FileNotFoundError, MissingFileError) as error:
                self.refresh()
                if attempt >= FEWEST_ATTEMPTS and known == (self.state.head, self._base):
                    raise _missing(error) from error
                time.sleep(attempt * _PAUSE)
        raise UserError(f"{self.files} changes faster than it can be read")

    def recognition(self) -> tuple[Mapping[str, Any], dict[str, Floats]] | None:
        """What was fitted for answering, and its arrays by name; None if nothing was."""
        return self._whatever_others_do(self._recognition)

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

    # Changing

    def add(
        self, photos: Sequence[Photo], embedder: Embedder, by: By, strict: bool = False, guard: Guard | None = None
    ) -> ChangeOutcome:
        """Enrol photos; one that is enrolled under its product already is passed over, and none is embedded twice.

        What the guard finds is warned of, or without one a photo that is, or would be, filed under two products;
        `strict` refuses it before anything is written.
        """
        self.require_embedder(embedder)
        for sku in {photo.sku for photo in photos}:
            _require_name(sku)
        known: dict[str, Floats] = {}
        stored = _Stored(self, photos)

        def plan(state: GalleryState) -> _Plan:
            entries = {(photo.sku, sha256): Entry(photo.sku, sha256, photo.name) for sha256, photo in stored.photos}
            new = [each for key, each in entries.items() if each.sha256 not in state.products.get(key[0], {})]
            lacking = [sha for sha in dict.fromkeys(each.sha256 for each in new) if not state.skus_with(sha)]
            unknown = [sha for sha in lacking if sha not in known]
            if unknown:
                made = unit_rows(embedder.embed(map(stored.content, unknown), len(unknown)))
                known.update(zip(unknown, made, strict=True))
            skus = sorted({each.sku for each in new})
            findings = [] if guard is None else self._found(guard, new, known, stored.content)
            warnings = _filed_twice(state, new) if guard is None else _words(findings)
            if strict and warnings:
                raise UserError(f"{'; '.join(warnings)}; nothing was changed")
            stored.put(stored.sources)
            return _Plan(
                "add",
                f"added {counted(len(new), 'photo')} of {shortened(skus)}",
                added=new,
                vectors=np.stack([known[sha] for sha in lacking]) if lacking else None,
                embedded=lacking,
                warnings=warnings,
                findings=findings,
            )

        return self._commit(by, plan, lambda change: stored.put(entry.sha256 for entry in change.added))

    def _found(
        self, guard: Guard, new: Sequence[Entry], made: Mapping[str, Floats], read: Callable[[str], bytes]
    ) -> list[Finding]:
        """What a guard finds in new photos, whose vectors were made just now or are those of another product's."""
        if not new:
            return []
        entries, vectors = self.vectors()
        rows = {entry.sha256: row for row, entry in enumerate(entries)}
        own = [made[each.sha256] if each.sha256 in made else vectors[rows[each.sha256]] for each in new]
        return guard((entries, vectors), (new, np.stack(own)), read)

    def remove(self, sku: str, by: By, photos: Sequence[str] = ()) -> ChangeOutcome:
        """Take a product out, or only these photos of it (names or beginnings of checksums)."""

        def plan(state: GalleryState) -> _Plan:
            of_sku = list(state.photos_of(sku).values())
            going = [entry for entry in of_sku if _named(entry, photos)] if photos else of_sku
            for name in photos:
                if not any(_named(entry, [name]) for entry in of_sku):
                    raise UserError(f"'{sku}' has no photo {name}")
            return _Plan("remove", f"removed {counted(len(going), 'photo')} of {sku}", removed=going)

        return self._commit(by, plan)

    def rename(self, sku: str, name: str, by: By) -> ChangeOutcome:
        """Give a product another name, which no other one may have."""
        _require_name(name)

        def plan(state: GalleryState) -> _Plan:
            photos = list(state.photos_of(sku).values())
            if name in state.products:
                raise UserError(f"there is a product '{name}' already; to make one of both, merge them")
            return _Plan("rename", f"renamed {sku} to {name}", _moved(photos, name), photos)

        return self._commit(by, plan)

    def merge(self, skus: Sequence[str], into: str, by: By) -> ChangeOutcome:
        """Make one product `into` of several; it may be one of them, another one, or new."""
        _require_name(into)

        def plan(state: GalleryState) -> _Plan:
            photos = {sku: state.photos_of(sku) for sku in skus}
            going = [entry for sku, of_sku in photos.items() if sku != into for entry in of_sku.values()]
            there = state.products.get(into, {})
            coming = {each.sha256: each for each in _moved(going, into) if each.sha256 not in there}
            names = shortened(dict.fromkeys(skus))
            return _Plan("merge", f"merged {names} into {into}", list(coming.values()), going)

        return self._commit(by, plan)

    def roll_back(self, version: int, by: By) -> ChangeOutcome:
        """Bring back the products as they were at a version; the history keeps what came after."""

        def plan(state: GalleryState) -> _Plan:
            _require_version(version, state)
            then, now = set(self._at(version, state).entries()), set(state.entries())
            lost = [entry for entry in then - now if entry.sha256 not in state.located]
            if lost:
                raise UserError(
                    f"version {version} is of other weights; {counted(len(lost), 'photo')} would lack vectors"
                )
            return _Plan(
                "rollback",
                f"went back to version {version}",
                sorted(then - now, key=_order),
                sorted(now - then, key=_order),
            )

        return self._commit(by, plan)

    def re_embed(self, embedder: Embedder, by: By) -> ChangeOutcome:
        """Renew all vectors by another network, from the photos that the gallery keeps."""
        known: dict[str, Floats] = {}

        def plan(state: GalleryState) -> _Plan:
            wanted = list(dict.fromkeys(entry.sha256 for entry in state.entries()))
            lacking = [sha256 for sha256 in wanted if sha256 not in known]
            if lacking:
                made = unit_rows(embedder.embed((self.photo(sha256) for sha256 in lacking), len(lacking)))
                known.update(zip(lacking, made, strict=True))
            return _Plan(
                "re-embed",
                f"renewed {counted(len(wanted), 'vector')}",
                vectors=np.stack([known[sha256] for sha256 in wanted]) if wanted else None,
                embedded=wanted,
                embedder=embedder.identity,
            )

        return self._commit(by, plan)

    def set_recognition(self, record: Mapping[str, Any], arrays: Mapping[str, Floats], by: By) -> ChangeOutcome:
        """Keep what was fitted for answering, and its arrays by name."""

        def put() -> dict[str, str]:
            return {name: write_vectors(self.files, array) for name, array in arrays.items()}

        plan = _Plan("calibrate", str(record.get("summary", "")), recognition={**record, ARRAYS: put()})
        return self._commit(by, lambda state: plan, lambda change: put())

    def compact(self, by: By | None = None) -> int:
        """Fold all versions into one and delete what no product has any more; returns the number of files deleted.

        After it there is no way back to earlier versions: what was removed is gone from the files. It is a version of
        its own, so that a change which another process works out meanwhile, such as a way back, is worked out anew.
        """
        by = By(login_name()) if by is None else by
        for _ in range(MOST_ATTEMPTS):
            self.refresh()
            if not self._is_compact():
                self._commit(by, lambda state: _Plan(COMPACTION, "forgot earlier versions", forgets=True))
            version = self.state.version
            entries, vectors = self.vectors()
            if self.state.version == version:
                return self._compacted(entries, vectors)
        raise UserError(f"{self.files} is changed by others all the time; try again")

    def _is_compact(self) -> bool:
        return self._base == self.state.version and self.state.history[-1].kind == COMPACTION

    def _compacted(self, entries: list[Entry], vectors: Floats) -> int:
        """Write the base, and delete what it does not name."""
        state = self.state
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
        self.files.create(base.name, sealed(base))  # it is there if a process was killed while it cleared up
        if rows:
            write_vectors(self.files, once)
        named = {name for each in past for name in _files_of(each)}
        needed = self._needed()
        gone = sweep(self.files, [*sorted(named - needed), *abandoned(self.files, named | needed)], self._needed)
        for record in past:
            self.files.delete(record.name)
        return gone + len(past)

    def _past(self, version: int) -> Iterator[Change | Base]:
        """The bases before a version and the changes up to it; what another compaction deletes first is its concern."""
        for name in self.files.names(BASES):
            if _version_of(name) < version:
                with suppress(FileNotFoundError):
                    yield read_base(name, self.files.read(name))
        for name in self.files.names(CHANGES):
            if _version_of(name) <= version:
                with suppress(FileNotFoundError):
                    yield read_change(name, self.files.read(name))

    def _needed(self) -> set[str]:
        """The files of photos and vectors that the newest version, and those that can be gone back to, name."""
        self.refresh()
        state = self.state
        if self._need is None or self._need[0] != (state.head, self._base):
            names = {name for record in self._whatever_others_do(self._standing) for name in _files_of(record)}
            self._need = (state.head, self._base), names
        return self._need[1]

    def _standing(self) -> list[Change | Base]:
        """The newest base and the changes after it."""
        bases = [read_base(name, self.files.read(name)) for name in self.files.names(BASES)[-1:]]
        folded = bases[0].version if bases else 0
        changes = [name for name in self.files.names(CHANGES) if _version_of(name) > folded]
        return [*bases, *(read_change(name, self.files.read(name)) for name in changes)]

    # Checking

    def at(self, version: int) -> GalleryState:
        """The gallery as it was at a version. Raises `UserError` for one that there is not, or no longer."""
        _require_version(version, self.state)
        return self._at(version, self.state)

    def _at(self, version: int, now: GalleryState) -> GalleryState:
        bases = [name for name in self.files.names(BASES) if _version_of(name) <= now.first_version]
        state = GalleryState.of_base(read_base(bases[-1], self.files.read(bases[-1]))) if bases else GalleryState()
        for each in range(state.version + 1, version + 1):
            self._apply(each, state)
        return state

    def _commit(
        self, by: By, plan: Callable[[GalleryState], _Plan], settle: Callable[[Change], object] | None = None
    ) -> ChangeOutcome:
        """Make a change on the newest version; if another process was quicker, work it out anew on what that one left.

        Vectors, and by `settle` what else the change names, are put once more when it stands: see `sweeping`.
        """
        for _ in range(MOST_ATTEMPTS):
            self.refresh()
            worked_out = self._whatever_others_do(lambda: plan(self.state))
            if not worked_out.changes_something:
                return worked_out.outcome(None)
            vectors = None if worked_out.vectors is None else write_vectors(self.files, worked_out.vectors)
            now = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
            version = self.state.version + 1
            change = Change(
                Summary(version, now, by.author, by.reason, worked_out.kind, worked_out.detail),
                self.state.head,
                tuple(worked_out.added),
                tuple(worked_out.removed),
                vectors,
                tuple(worked_out.embedded),
                worked_out.embedder,
                worked_out.recognition,
            )
            content = sealed(change)
            if self.files.create(change.name, content) and self._stands(change):
                self.state.apply(change, seal_of(content))
                if worked_out.vectors is not None:
                    write_vectors(self.files, worked_out.vectors)
                if settle is not None:
                    settle(change)
                return worked_out.outcome(version)
        raise UserError(f"{self.files} is changed by others all the time; try again")

    def _stands(self, change: Change) -> bool:
        """Whether a change that was written counts: its name may have been free because a compaction had folded another
        one of this version, and deleted it. Whoever finds the name free finds that base, too."""
        version, base = change.summary.version, None
        while base is None:
            newest = self.files.names(BASES)[-1:]
            if not newest or _version_of(newest[0]) < version:
                return True
            with suppress(FileNotFoundError):  # a newer base took its place
                base = read_base(newest[0], self.files.read(newest[0]))
        if base.history[version - 1] == change.summary:
            return True
        self.files.delete(change.name)
        return False


def verify(files: Files) -> Iterator[Fault]:
    """Read every file of a gallery and give those that do not hold what was written, or are missing."""
    state = GalleryState()
    bases = files.names(BASES)
    photos: dict[str, None] = {}
    vectors: dict[str, None] = {}
    try:
        if bases:
            base = read_base(bases[-1], files.read(bases[-1]))
            state = GalleryState.of_base(base)
            photos |= dict.fromkeys(entry.sha256 for entry in base.entries)
            vectors |= dict.fromkeys(_vector_files(base))
    except DamagedFileError as error:
        yield Fault(error.name, error.what)
        return
    versions = [_version_of(name) for name in files.names(CHANGES)]
    for version in range(state.version + 1, max(versions, default=state.version) + 1):
        name = change_name(version)
        try:
            content = files.read(name)
            change = read_change(name, content)
            if change.previous != state.head:
                raise DamagedFileError(name, "it does not follow the change before it")
        except FileNotFoundError:
            yield Fault(name, "it is missing")
            return
        except DamagedFileError as error:
            yield Fault(error.name, error.what)
            return
        state.apply(change, seal_of(content))
        photos |= dict.fromkeys(entry.sha256 for entry in change.added)
        vectors |= dict.fromkeys(_vector_files(change))
    vectors |= dict.fromkeys(file for file, _ in state.located.values())
    yield from _unlike_their_names(files, vectors, photos)


def _unlike_their_names(files: Files, vectors: Iterable[str], photos: Iterable[str]) -> Iterator[Fault]:
    """Files of vectors and photos whose content has another checksum than their name says, and those missing."""
    named = {vectors_name(digest): digest for digest in vectors} | {photo_name(sha256): sha256 for sha256 in photos}
    present = [*files.names(VECTORS), *files.names(PHOTOS)]
    for name in sorted(named.keys() - set(present)):
        yield Fault(name, "it is missing")
    for name in present:
        digest = name.rpartition("/")[2].removesuffix(".npy")
        if checksum(files.read(name)) != digest:
            yield Fault(name, "its checksum is another")


def _missing(error: Exception) -> UserError:
    """Of a file that is not there and that nobody puts back."""
    return error if isinstance(error, UserError) else MissingFileError(str(getattr(error, "filename", error)))


def _files_of(record: Change | Base) -> set[str]:
    """The files of photos and vectors that a record names."""
    entries = record.added if isinstance(record, Change) else record.entries
    return {photo_name(entry.sha256) for entry in entries} | {vectors_name(file) for file in _vector_files(record)}


def _vector_files(record: Change | Base) -> list[str]:
    """The files of vectors that a record names, by their checksums."""
    arrays = (record.recognition or {}).get(ARRAYS, {})
    return [*([] if record.vectors is None else [record.vectors]), *arrays.values()]


def _created(state: GalleryState, embedder: Embedder, files: Files) -> _Plan:
    if state.version:
        raise UserError(f"{files} is a gallery already; choose another folder")
    return _Plan("create", "created", embedder=embedder.identity)


def _filed_twice(state: GalleryState, new: Sequence[Entry]) -> list[str]:
    """Warnings of photos under two products."""
    skus: dict[str, set[str]] = {}
    for entry in new:
        skus.setdefault(entry.sha256, set(state.skus_with(entry.sha256))).add(entry.sku)
    names = {entry.sha256: entry.photo for entry in new}
    return [f"{names[sha]} is a photo of {' and of '.join(sorted(of))}" for sha, of in skus.items() if len(of) > 1]


def _words(findings: Sequence[Finding]) -> list[str]:
    from shelfmind.gallery.findings import sentences

    return sentences(findings)


def _moved(entries: Iterable[Entry], sku: str) -> list[Entry]:
    return [Entry(sku, entry.sha256, entry.photo) for entry in entries]


def _named(entry: Entry, names: Sequence[str]) -> bool:
    return any(entry.photo == name or (len(name) >= 8 and entry.sha256.startswith(name)) for name in names)


def _order(entry: Entry) -> tuple[str, str]:
    return entry.sku, entry.sha256


def _version_of(name: str) -> int:
    return int(name.rpartition("/")[2].removesuffix(".json"))


def _require_version(version: int, state: GalleryState) -> None:
    if version < state.first_version and version > 0:
        raise UserError(
            f"version {version} can no longer be read: a compaction kept version {state.first_version} and later ones"
        )
    if not 0 < version <= state.version:
        raise UserError(f"{argument('version')} must be from {state.first_version} to {state.version}, got {version}")


def _require_name(sku: str) -> None:
    """Any characters but control characters and blank ends, of a length that people can read."""
    if not sku.strip() or sku != sku.strip() or len(sku) > LONGEST_NAME or not sku.isprintable():
        raise UserError(
            f"a product's name must be 1 to {LONGEST_NAME} printable characters without blanks at its ends, "
            f"got {sku[:60]!r}"
        )
