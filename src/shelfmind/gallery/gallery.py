"""A gallery: enrol, remove, rename, merge and restore. Every change is one atomic version."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import numpy as np

from shelfmind.arrays import Floats
from shelfmind.errors import UserError
from shelfmind.evaluation.matrix_rows import unit_rows
from shelfmind.gallery.changes import (
    ARRAYS,
    BASES,
    COMPACTION,
    Change,
    Entry,
    Summary,
    read_base,
    seal_of,
    sealed,
    version_of,
    versions_in,
)
from shelfmind.gallery.compaction import Compaction, is_compact
from shelfmind.gallery.photos import Photo, StoredPhotos
from shelfmind.gallery.plan import Attribution, ChangeOutcome, Plan
from shelfmind.gallery.reader import MAX_ATTEMPTS, Embedder, GalleryReader, require_version
from shelfmind.gallery.state import GalleryState
from shelfmind.gallery.storage import Files
from shelfmind.gallery.vectors import write_vectors
from shelfmind.machine.login import login_name
from shelfmind.nouns import counted, shortened
from shelfmind.progress import Counter, count_silently

if TYPE_CHECKING:  # guards are imported only by those who use them
    from shelfmind.gallery.findings import Finding
    from shelfmind.gallery.guard import Guard

MAX_NAME_LENGTH = 300


class SuspiciousEnrolmentError(UserError):
    """A refused strict enrolment, with the guard's `findings` and their descriptions as `warnings`."""

    def __init__(self, warnings: Sequence[str], findings: Sequence[Finding]) -> None:
        super().__init__(f"{'; '.join(warnings)}; nothing was changed")
        self.warnings, self.findings = tuple(warnings), tuple(findings)


class Gallery(GalleryReader):
    """A gallery at its newest version as of the last opening, refresh or change."""

    def __init__(self, files: Files) -> None:
        """Open a gallery. Raises `UserError` if there is none, or if it is damaged or of a newer version."""
        super().__init__(files)
        self.refresh()
        if not self.state.version:
            raise UserError(f"there is no gallery at {files}")

    @classmethod
    def create(cls, files: Files, embedder: Embedder, by: Attribution, resume: bool = False) -> Gallery:
        """Create an empty gallery for the vectors of `embedder`.

        With `resume`, an existing gallery that is still empty and has the same embedder is accepted, as left by an
        interrupted first enrolment. Raises `UserError` for any other existing gallery.
        """
        gallery = cls.__new__(cls)
        GalleryReader.__init__(gallery, files)
        gallery.refresh()
        if resume and gallery.state.version == 1:
            gallery.require_embedder(embedder)
            return gallery
        if gallery.state.version:
            raise UserError(f"{files} is already a gallery; choose another folder")
        gallery._commit(by, lambda state: _created(state, embedder, files))
        return gallery

    def add(
        self,
        photos: Sequence[Photo],
        embedder: Embedder,
        by: Attribution,
        strict: bool = False,
        guard: Guard | None = None,
        counter: Counter = count_silently,
    ) -> ChangeOutcome:
        """Enrol photos. Photos already enrolled under their product are skipped, and none is embedded twice.

        The outcome warns of the guard's findings, or without a guard of photos filed under two products. With `strict`
        such an enrolment is refused before anything is written. Raises `UserError` if the gallery is of other weights.
        """
        for sku in {photo.sku for photo in photos}:
            _require_name(sku)
        known: dict[str, Floats] = {}
        stored = StoredPhotos(self.files, photos, self.photo, counter)

        def plan(state: GalleryState) -> Plan:
            self.require_embedder(embedder)  # another process may have recomputed the vectors since the last attempt
            entries = {(photo.sku, sha256): Entry(photo.sku, sha256, photo.name) for sha256, photo in stored.photos}
            new = [each for key, each in entries.items() if each.sha256 not in state.products.get(key[0], {})]
            filed = state.skus_of_photos(each.sha256 for each in new)
            lacking = [sha for sha, there in filed.items() if not there]
            unknown = [sha for sha in lacking if sha not in known]
            if unknown:
                made = unit_rows(embedder.embed(map(stored.content, unknown), len(unknown)))
                _require_finite(made, unknown, entries.values())
                known.update(zip(unknown, made, strict=True))
            skus = sorted({each.sku for each in new})
            findings = [] if guard is None else self._found(guard, new, known, stored.content)
            warnings = _warn_of_two_products(filed, new) if guard is None else _sentences(findings)
            if strict and warnings:
                raise SuspiciousEnrolmentError(warnings, findings)
            stored.put()
            return Plan(
                "add",
                f"added {counted(len(new), 'photo')} of {shortened(skus)}",
                added=new,
                vectors=np.stack([known[sha] for sha in lacking]) if lacking else None,
                embedded=lacking,
                warnings=warnings,
                findings=findings,
            )

        return self._commit(by, plan, lambda change: stored.put_again({entry.sha256 for entry in change.added}))

    def _found(
        self, guard: Guard, new: Sequence[Entry], made: Mapping[str, Floats], read: Callable[[str], bytes]
    ) -> list[Finding]:
        """Return the guard's findings in new photos. Vectors of photos that another product has are reused.

        A missing file is left to `_commit`, which plans anew: a refresh here would change the state being planned for.
        """
        if not new:
            return []
        entries, vectors = self._vectors()
        rows = {entry.sha256: row for row, entry in enumerate(entries)}
        own = [made[each.sha256] if each.sha256 in made else vectors[rows[each.sha256]] for each in new]
        return guard((entries, vectors), (new, np.stack(own)), read)

    def remove(self, sku: str, by: Attribution, photos: Sequence[str] = ()) -> ChangeOutcome:
        """Remove a product, or only some of its photos (names or prefixes of checksums).

        Raises `UserError` for a name of no photo, or of several.
        """

        def plan(state: GalleryState) -> Plan:
            of_sku = list(state.photos_of(sku).values())
            going = list(dict.fromkeys(_only_photo(of_sku, sku, name) for name in photos)) if photos else of_sku
            return Plan("remove", f"removed {counted(len(going), 'photo')} of {sku}", removed=going)

        return self._commit(by, plan)

    def rename(self, sku: str, name: str, by: Attribution) -> ChangeOutcome:
        """Give a product a new, unused name."""
        _require_name(name)

        def plan(state: GalleryState) -> Plan:
            photos = list(state.photos_of(sku).values())
            if name in state.products:
                raise UserError(f"there is already a product '{name}'; to combine the two, merge them")
            return Plan("rename", f"renamed {sku} to {name}", _renamed(photos, name), photos)

        return self._commit(by, plan)

    def merge(self, skus: Sequence[str], into: str, by: Attribution) -> ChangeOutcome:
        """Merge products into `into`: one of them, another existing product, or a new name."""
        _require_name(into)

        def plan(state: GalleryState) -> Plan:
            photos = {sku: state.photos_of(sku) for sku in skus}
            going = [entry for sku, of_sku in photos.items() if sku != into for entry in of_sku.values()]
            there = state.products.get(into, {})
            coming = {each.sha256: each for each in _renamed(going, into) if each.sha256 not in there}
            names = shortened(dict.fromkeys(skus))
            return Plan("merge", f"merged {names} into {into}", list(coming.values()), going)

        return self._commit(by, plan)

    def roll_back(self, version: int, by: Attribution) -> ChangeOutcome:
        """Restore the products of a version. The history keeps later changes."""

        def plan(state: GalleryState) -> Plan:
            require_version(version, state)
            then, now = set(self._at(version, state).entries()), set(state.entries())
            lost = [entry for entry in then - now if entry.sha256 not in state.located]
            if lost:
                raise UserError(
                    f"version {version} is of other weights; {counted(len(lost), 'photo')} would have no vectors"
                )
            return Plan(
                "rollback",
                f"restored version {version}",
                sorted(then - now, key=_sort_key),
                sorted(now - then, key=_sort_key),
            )

        return self._commit(by, plan)

    def re_embed(self, embedder: Embedder, by: Attribution) -> ChangeOutcome:
        """Recompute all vectors with another network, from the stored photos."""
        known: dict[str, Floats] = {}

        def plan(state: GalleryState) -> Plan:
            wanted = list(dict.fromkeys(entry.sha256 for entry in state.entries()))
            lacking = [sha256 for sha256 in wanted if sha256 not in known]
            if lacking:
                made = unit_rows(embedder.embed(self.photos(lacking), len(lacking)))
                _require_finite(made, lacking, state.entries())
                known.update(zip(lacking, made, strict=True))
            return Plan(
                "re-embed",
                f"recomputed {counted(len(wanted), 'vector')}",
                vectors=np.stack([known[sha256] for sha256 in wanted]) if wanted else None,
                embedded=wanted,
                embedder=embedder.identity,
            )

        return self._commit(by, plan)

    def set_recognition(
        self, record: Mapping[str, Any], arrays: Mapping[str, Floats], embedder: Embedder, by: Attribution
    ) -> ChangeOutcome:
        """Store the recognition parameters fitted for `embedder`, and their arrays by name.

        Raises `UserError` if the gallery is of other weights.
        """

        def put() -> dict[str, str]:
            return {name: write_vectors(self.files, array) for name, array in arrays.items()}

        def plan(state: GalleryState) -> Plan:
            self.require_embedder(embedder)
            return Plan("calibrate", str(record.get("summary", "")), recognition={**record, ARRAYS: put()})

        return self._commit(by, plan, lambda change: put())

    def compact(self, by: Attribution | None = None) -> int:
        """Fold all versions into one and delete files that no product uses. Returns the number of deleted files.

        Earlier versions can no longer be restored, and removed photos are gone from the files. The compaction is a
        version itself, so that concurrent changes, such as a restore, are redone on top of it.
        """
        by = Attribution(login_name()) if by is None else by
        for _ in range(MAX_ATTEMPTS):
            self.refresh()
            if not is_compact(self):
                self._commit(by, lambda state: Plan(COMPACTION, "deleted earlier versions", forgets=True))
            version = self.state.version
            entries, vectors = self.vectors()
            if self.state.version == version:
                return Compaction(self).fold(entries, vectors)
        raise UserError(f"{self.files} is being changed by other processes; try again")

    def _commit(
        self, by: Attribution, plan: Callable[[GalleryState], Plan], settle: Callable[[Change], object] | None = None
    ) -> ChangeOutcome:
        """Make a change on the newest version. If another process was faster, redo it on top of that change.

        After the commit, vectors and (by `settle`) other files of the change are stored again: see `sweeping`.
        """
        for _ in range(MAX_ATTEMPTS):
            self.refresh()
            worked_out = self.with_retry(lambda: plan(self.state))
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
            if self.files.create(change.name, content) and self._is_valid(change):
                self.state.apply(change, seal_of(content))
                if worked_out.vectors is not None:
                    write_vectors(self.files, worked_out.vectors)
                if settle is not None:
                    settle(change)
                return worked_out.outcome(version)
        raise UserError(f"{self.files} is being changed by other processes; try again")

    def _is_valid(self, change: Change) -> bool:
        """Whether a written change is valid. Its name may have been free only because a compaction folded and deleted
        another change of this version. In that case the compaction's base is visible, too."""
        version, base = change.summary.version, None
        while base is None:
            newest = versions_in(self.files, BASES)[-1:]
            if not newest or version_of(newest[0]) < version:
                return True
            with suppress(FileNotFoundError):  # a newer base has replaced it
                base = read_base(newest[0], self.files.read(newest[0]))
        if base.history[version - 1] == change.summary:
            return True
        self.files.delete(change.name)
        return False


def _created(state: GalleryState, embedder: Embedder, files: Files) -> Plan:
    if state.version:
        raise UserError(f"{files} is already a gallery; choose another folder")
    return Plan("create", "created", embedder=embedder.identity)


def _warn_of_two_products(filed: Mapping[str, Sequence[str]], new: Sequence[Entry]) -> list[str]:
    """Return warnings of photos under two products, given those that each new photo is `filed` under already."""
    skus = {sha: set(there) for sha, there in filed.items()}
    for entry in new:
        skus[entry.sha256].add(entry.sku)
    names = {entry.sha256: entry.photo for entry in new}
    return [f"{names[sha]} is a photo of {' and of '.join(sorted(of))}" for sha, of in skus.items() if len(of) > 1]


def _sentences(findings: Sequence[Finding]) -> list[str]:
    from shelfmind.gallery.findings import sentences

    return sentences(findings)


def _renamed(entries: Iterable[Entry], sku: str) -> list[Entry]:
    return [Entry(sku, entry.sha256, entry.photo) for entry in entries]


def _only_photo(entries: Sequence[Entry], sku: str, name: str) -> Entry:
    """Return the photo of a product with this name or prefix of its checksum."""
    found = [each for each in entries if each.photo == name or (len(name) >= 8 and each.sha256.startswith(name))]
    if not found:
        raise UserError(f"'{sku}' has no photo {name}")
    if len(found) > 1:
        sums = shortened([each.sha256[:12] for each in found], 5)
        raise UserError(f"several photos of '{sku}' are called {name}; give the checksum of one of them: {sums}")
    return found[0]


def _sort_key(entry: Entry) -> tuple[str, str]:
    return entry.sku, entry.sha256


def _require_finite(vectors: Floats, shas: Sequence[str], entries: Iterable[Entry]) -> None:
    """Raise `UserError` for a photo whose embedding has NaN or infinite values: every answer would be NaN."""
    bad = np.flatnonzero(~np.isfinite(vectors).all(axis=1))
    if len(bad):
        photo = next(entry.photo for entry in entries if entry.sha256 == shas[bad[0]])
        raise UserError(
            f"the embeddings of {counted(len(bad), 'photo')}, such as {photo}, have values that are not finite; the "
            "network is damaged or overflows at this precision: verify or export it again"
        )


def _require_name(sku: str) -> None:
    """Require a printable name of readable length without leading or trailing spaces."""
    if not sku.strip() or sku != sku.strip() or len(sku) > MAX_NAME_LENGTH or not sku.isprintable():
        raise UserError(
            f"a product's name must have 1 to {MAX_NAME_LENGTH} printable characters, without leading or trailing "
            f"spaces, got {sku[:60]!r}"
        )
