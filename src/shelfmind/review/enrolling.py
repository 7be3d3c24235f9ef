"""Apply the decisions on the groups of a discovery. Each decision is one change of the gallery."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from shelfmind.analysis.decisions import Decision, append_decision, decide, standing, take_back
from shelfmind.arrays import Floats
from shelfmind.errors import UserError, call, nearest
from shelfmind.files import exclusively
from shelfmind.gallery.changes import change_name, checksum, read_change
from shelfmind.gallery.discovery_folder import Discovery, Group
from shelfmind.gallery.gallery import Gallery
from shelfmind.gallery.guard import Guard
from shelfmind.gallery.photos import Photo
from shelfmind.gallery.plan import Attribution
from shelfmind.images.photo_files import read_file
from shelfmind.nouns import counted
from shelfmind.review.following import Follower

ENROL, MERGE, DISCARD = "enrol", "merge", "drop"
"""Possible decisions: a new product, an enrolled one, or no product."""


class StoredVectors:
    """Returns the vectors of a discovery, so that enrolling its photos computes nothing."""

    def __init__(self, found: Discovery) -> None:
        shas = (photo.sha256 for group in found.groups for photo in group.photos)
        self._vectors = dict(zip(shas, found.vectors, strict=True))
        self._identity = found.embedder

    @property
    def identity(self) -> Mapping[str, Any]:
        """The identity of the run that computed them."""
        return self._identity

    def embed(self, photos: Iterable[bytes], total: int) -> Floats:
        """Return the vectors (N, D) of photos by content. Raises `UserError` if a photo was modified."""
        try:
            return np.stack([self._vectors[checksum(photo)] for photo in photos])
        except KeyError:
            raise UserError("a photo of the group was just modified; discover again") from None


class Enrolments:
    """The decisions on the groups of a discovery. Safe for threads and for other processes with the same log.

    A decision is written to the log first and then applied to the gallery, whose history records the decision's id. If
    a process is killed in between, or an undo fails, the last line about these groups lacks its change. Every decision,
    undo and `apply_pending` applies it first, so that no other line ever does.
    """

    def __init__(
        self, found: Discovery, gallery: Gallery, log: Path, name: str, guard_of: Callable[[Gallery], Guard | None]
    ) -> None:
        """`name` identifies the discovery in the history, `guard_of` returns the guard of enrolments."""
        self.found, self.gallery, self.name, self._guard_of = found, gallery, name, guard_of
        self.log = Follower(log)
        self._lock = log.with_name(f".{log.name}.lock")
        self._thread = threading.RLock()
        self._kept = StoredVectors(found)
        self._groups = {group.key: group for group in found.groups}

    def standing(self) -> dict[str, Decision]:
        """Return the active decision on each decided group by its key."""
        with self._thread:
            self.log.refresh()
            return {key: next(iter(of.values())) for key, of in standing(self.log.decisions).items() if of}

    def is_applied(self, decision: Decision) -> bool:
        """Whether the gallery, as last read, has the change of a decision or of its undo."""
        return self._version_of(decision) is not None

    def apply_pending(self) -> str | None:
        """Apply the change that a process did not finish, and return its description; None if there is none.

        Raises:
            UserError: it cannot be applied. A decision is then undone, an undo remains pending.
        """
        with self._exclusive() as applied:
            return applied

    def decide(self, group: Group, decision: str, sku: str | None, reviewer: str) -> tuple[str, ...]:
        """Enrol a group as a new product `sku`, merge it into that product, or discard it. Returns warnings.

        Repeating a reviewer's own decision changes nothing.

        Raises:
            ValueError: the decision is invalid, or the group is already decided.
            UserError: this decision, or one that is pending, cannot be applied; nothing was changed.
        """
        with self._exclusive():
            before = self.standing().get(group.key)
            if before is not None:
                if (before.reviewer, *before.outcome) == (reviewer, *_outcome(decision, sku)):
                    return ()
                raise ValueError(f"{before.reviewer} has already decided on this group; undo that decision first")
            made = decide(reviewer, group.key, f"group {group.number}", *_outcome(decision, sku))
            if decision == DISCARD:
                append_decision(self.log.path, made)
                return ()
            photos, warnings = self._require_possible(group, decision, str(sku))
            append_decision(self.log.path, made)
            with self._undone_on_failure(made):
                outcome = self.gallery.add(photos, self._kept, self._by(made), guard=self._guard_of(self.gallery))
            return (*warnings, *outcome.warnings)

    def take_back(self, decision: Decision) -> None:
        """Undo a decision: remove the photos that it enrolled from the gallery.

        Raises:
            UserError: the gallery can no longer undo it, or a pending change cannot be applied; nothing was changed. Or
                the removal failed, and remains pending.
        """
        with self._exclusive():
            if self.standing().get(decision.path) != decision:
                return
            self._require_removable(decision)
            line = take_back(decision, decision.reviewer)
            append_decision(self.log.path, line)
            try:
                self._removed(line, decision)
            except UserError as error:
                later = f"{decision.given} is undone in the log, and in the gallery before the next decision"
                raise UserError(f"{error.message}; {later}") from error

    def products(self) -> list[str]:
        """Return the names of all current products."""
        with self._thread:
            self.gallery.refresh()
            return sorted(self.gallery.state.products)

    @contextmanager
    def _exclusive(self) -> Iterator[str | None]:
        """Keep other decisions away; yields the description of a pending change that was applied before."""
        with self._thread, exclusively(self._lock):
            self.log.refresh()
            self.gallery.refresh()
            yield self._settled()

    def _settled(self) -> str | None:
        last = next((line for line in reversed(self.log.decisions) if line.path in self._groups), None)
        if last is None or self.is_applied(last):
            return None
        try:
            if last.undoes is None:
                return self._added(last) if last.decision == "relabel" else None
            undone = next((each for each in self.log.decisions if each.id == last.undoes), None)
            return None if undone is None else self._removed(last, undone)
        except UserError as error:
            pending = f"the pending {'decision' if last.undoes is None else 'undo'} of {last.reviewer} on {last.given}"
            undone_too = " and was undone" if last.undoes is None else ""
            raise UserError(f"{pending} cannot be applied{undone_too}: {error.message}") from error

    @contextmanager
    def _undone_on_failure(self, decision: Decision) -> Iterator[None]:
        """Undo a decision in the log if the gallery does not have its change."""
        try:
            yield
        except BaseException:
            if not self._was_applied(decision):
                append_decision(self.log.path, take_back(decision, decision.reviewer))
            raise

    def _require_possible(self, group: Group, decision: str, sku: str) -> tuple[list[Photo], list[str]]:
        products = self.gallery.state.products
        if decision == ENROL and sku in products:
            raise ValueError(f"there is already a product '{sku}'; choose it from the list to merge the group into it")
        if decision == MERGE and sku not in products:
            hint = nearest(sku, products)
            raise ValueError(f"the gallery no longer has a product '{sku}'{f'; {hint}' if hint else ''}")
        try:
            self.gallery.require_embedder(self._kept)
        except UserError:
            again = call("gallery_discover", gallery=str(self.gallery.files), paths=["PHOTOS"], out="DIR")
            raise UserError(
                f"the vectors of the gallery and of this discovery are of different runs; discover again: {again}"
            ) from None
        photos = [
            Photo(sku, Path(each.path).name, Path(each.path))
            for each in group.photos
            if _is_unchanged(each.path, each.sha256)
        ]
        if not photos:
            raise UserError(
                f"all photos of the group were moved or modified, such as {group.photos[0].path}; discover again"
            )
        if all(each.sha256 in products.get(sku, {}) for each in group.photos):
            raise UserError(f"all photos of the group are already enrolled as '{sku}'; discard it")
        missing = len(group.photos) - len(photos)
        gone = counted(missing, "photo was moved or modified and is", "photos were moved or modified and are")
        return photos, [f"{gone} not enrolled"] if missing else []

    def _require_removable(self, decision: Decision) -> None:
        """Refuse to undo changes that a compaction deleted, or whose photos were filed elsewhere since."""
        added = self._added_by(decision)
        state = self.gallery.state
        elsewhere = {sku for sha256 in added for sku in state.skus_with(sha256)}
        if elsewhere and decision.label not in elsewhere:
            raise UserError(
                f"the photos are now filed under '{min(elsewhere)}'; undo it in the gallery: "
                f"{call('gallery_history', gallery=str(self.gallery.files))}"
            )

    def _added(self, decision: Decision) -> str | None:
        with self._undone_on_failure(decision):
            photos, _ = self._require_possible(self._groups[decision.path], "", str(decision.label))
            return self.gallery.add(photos, self._kept, self._by(decision)).detail

    def _removed(self, line: Decision, decision: Decision) -> str | None:
        """Remove the photos that a decision enrolled and that are still there."""
        sku = str(decision.label)
        there = self.gallery.state.products.get(sku, {}).keys() & {
            photo.sha256 for photo in self._groups[decision.path].photos
        }
        going = [sha256 for sha256 in self._added_by(decision) if sha256 in there] if there else []
        return self.gallery.remove(sku, self._by(line), going).detail if going else None

    def _added_by(self, decision: Decision) -> list[str]:
        """Return the photos that the change of a decision added to its product."""
        version = self._version_of(decision)
        if version is None:
            return []
        name = change_name(version)
        try:
            change = read_change(name, self.gallery.files.read(name))
        except FileNotFoundError:
            raise UserError(
                f"a compaction deleted version {version}, which enrolled it; remove it manually: "
                f"{call('gallery_remove', gallery=str(self.gallery.files), sku=str(decision.label))}"
            ) from None
        return [entry.sha256 for entry in change.added if entry.sku == decision.label]

    def _version_of(self, decision: Decision) -> int | None:
        mark = _mark(decision)
        return next((each.version for each in reversed(self.gallery.state.history) if mark in each.reason), None)

    def _was_applied(self, decision: Decision) -> bool:
        """Whether its change was made even though the attempt reported a failure."""
        with suppress(Exception):
            self.gallery.refresh()
        return self.is_applied(decision)

    def _by(self, decision: Decision) -> Attribution:
        what = "undone: " if decision.undoes is not None else ""
        return Attribution(decision.reviewer, f"{what}{decision.given} of the discovery {self.name} {_mark(decision)}")


def _outcome(decision: str, sku: str | None) -> tuple[str, str | None]:
    """Return the decision as it is logged: an enrolled group has a name, others have none."""
    if decision == DISCARD and sku is None:
        return "drop", None
    if decision not in (ENROL, MERGE) or not sku:
        raise ValueError(f"a group must be enrolled or merged with a name, or discarded without one; got {decision}")
    return "relabel", sku


def _mark(decision: Decision) -> str:
    """Return the reference to a decision in the gallery's history."""
    return f"[{decision.id[:16]}]"


def _is_unchanged(path: str, sha256: str) -> bool:
    try:
        return checksum(read_file(Path(path))) == sha256
    except OSError:
        return False


def decided_groups(found: Sequence[Group], decisions: Mapping[str, Decision]) -> int:
    """Return the number of decided groups."""
    return sum(group.key in decisions for group in found)
