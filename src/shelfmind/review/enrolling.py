"""Carries out what people decide about the groups of a discovery: each decision is one change of the gallery."""

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
from shelfmind.gallery.plan import By
from shelfmind.nouns import counted
from shelfmind.review.following import Follower

ENROL, MERGE, DISCARD = "enrol", "merge", "drop"
"""What may be decided: a new product, one that is enrolled, or no product at all."""


class KeptVectors:
    """Gives back the vectors of a discovery, so that nothing is computed to enrol its photos."""

    def __init__(self, found: Discovery) -> None:
        shas = (photo.sha256 for group in found.groups for photo in group.photos)
        self._vectors = dict(zip(shas, found.vectors, strict=True))
        self._identity = found.embedder

    @property
    def identity(self) -> Mapping[str, Any]:
        """Of the run that made them."""
        return self._identity

    def embed(self, photos: Iterable[bytes], total: int) -> Floats:
        """The vectors (N, D) of photos, by their content. Raises `UserError` for one that was changed since."""
        try:
            return np.stack([self._vectors[checksum(photo)] for photo in photos])
        except KeyError:
            raise UserError("a photo of the group was changed a moment ago; discover again") from None


class Enrolments:
    """The decisions on the groups of a discovery. Safe in threads, and beside other processes on the same log.

    A decision is written to the log first and then made in the gallery, whose history keeps the decision's id. So at
    most the last line of the log can lack its change, when a process was killed in between; `settle` makes it then.
    """

    def __init__(
        self, found: Discovery, gallery: Gallery, log: Path, name: str, guard_of: Callable[[Gallery], Guard | None]
    ) -> None:
        """`name` is what the history calls the discovery by, `guard_of` gives who looks at what is enrolled."""
        self.found, self.gallery, self.name, self._guard_of = found, gallery, name, guard_of
        self.log = Follower(log)
        self._lock = log.with_name(f".{log.name}.lock")
        self._thread = threading.RLock()
        self._kept = KeptVectors(found)
        self._groups = {group.key: group for group in found.groups}

    def standing(self) -> dict[str, Decision]:
        """What holds of each group that is decided, by its key."""
        with self._thread:
            self.log.refresh()
            return {key: next(iter(of.values())) for key, of in standing(self.log.decisions).items() if of}

    def is_carried_out(self, decision: Decision) -> bool:
        """Whether the gallery, as it was read last, has had the change of a decision or of a taking back."""
        return self._version_of(decision) is not None

    def settle(self) -> str | None:
        """Make the change that a killed process left undone, and say which; None if there is none."""
        with self._alone():
            last = self.log.decisions[-1] if self.log.decisions else None
            if last is None or last.path not in self._groups or self.is_carried_out(last):
                return None
            if last.undoes is not None:
                undone = next((each for each in self.log.decisions if each.id == last.undoes), None)
                return self._removed(last, undone) if undone is not None else None
            if last.decision != "relabel":
                return None
            return self._added(last)

    def decide(self, group: Group, decision: str, sku: str | None, reviewer: str) -> tuple[str, ...]:
        """Enrol a group as a new product `sku`, merge it into that product, or discard it; returns warnings.

        The same decision by the same reviewer again changes nothing.

        Raises:
            ValueError: a decision that makes no sense, or one on a group that is decided already.
            UserError: what prevents it; nothing was changed then.
        """
        with self._alone():
            before = self.standing().get(group.key)
            if before is not None:
                if (before.reviewer, *before.outcome) == (reviewer, *_outcome(decision, sku)):
                    return ()
                raise ValueError(f"{before.reviewer} has decided that already; take it back first")
            made = decide(reviewer, group.key, f"group {group.number}", *_outcome(decision, sku))
            if decision == DISCARD:
                append_decision(self.log.path, made)
                return ()
            photos, warnings = self._require_possible(group, decision, str(sku))
            append_decision(self.log.path, made)
            try:
                outcome = self.gallery.add(photos, self._kept, self._by(made), guard=self._guard_of(self.gallery))
            except BaseException:
                if not self._is_made(made):
                    append_decision(self.log.path, take_back(made, reviewer))
                raise
            return (*warnings, *outcome.warnings)

    def take_back(self, decision: Decision) -> None:
        """Undo a decision: what it enrolled leaves the gallery again.

        Raises:
            UserError: the gallery cannot undo it any more; nothing was changed then.
        """
        with self._alone():
            if self.standing().get(decision.path) != decision:
                return
            self._require_removable(decision)
            line = take_back(decision, decision.reviewer)
            append_decision(self.log.path, line)
            self._removed(line, decision)

    def products(self) -> list[str]:
        """The names of all products now."""
        with self._thread:
            self.gallery.refresh()
            return sorted(self.gallery.state.products)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with self._thread, exclusively(self._lock):
            self.log.refresh()
            self.gallery.refresh()
            yield

    def _require_possible(self, group: Group, decision: str, sku: str) -> tuple[list[Photo], list[str]]:
        products = self.gallery.state.products
        if decision == ENROL and sku in products:
            raise ValueError(f"there is a product '{sku}' already; choose it from the list to merge the group into it")
        if decision == MERGE and sku not in products:
            hint = nearest(sku, products)
            raise ValueError(f"there is no product '{sku}' in the gallery any more{f'; {hint}' if hint else ''}")
        try:
            self.gallery.require_embedder(self._kept)
        except UserError:
            again = call("gallery_discover", gallery=str(self.gallery.files), paths=["PHOTOS"], out="DIR")
            raise UserError(
                f"the gallery's vectors are of another run than this discovery's; discover again: {again}"
            ) from None
        photos = [
            Photo(sku, Path(each.path).name, Path(each.path))
            for each in group.photos
            if _is_there(each.path, each.sha256)
        ]
        if not photos:
            raise UserError(
                f"no photo of the group is there any more as it was, such as {group.photos[0].path}; discover again"
            )
        if all(each.sha256 in products.get(sku, {}) for each in group.photos):
            raise UserError(f"all photos of the group are enrolled as '{sku}' already; discard it")
        missing = len(group.photos) - len(photos)
        gone = counted(missing, "photo is gone or was changed and is", "photos are gone or were changed and are")
        return photos, [f"{gone} not enrolled"] if missing else []

    def _require_removable(self, decision: Decision) -> None:
        """Refuse to undo what a compaction has forgotten, or what was filed otherwise since."""
        added = self._added_by(decision)
        state = self.gallery.state
        elsewhere = {sku for sha256 in added for sku in state.skus_with(sha256)}
        if elsewhere and decision.label not in elsewhere:
            raise UserError(
                f"the photos are filed under '{min(elsewhere)}' now; undo it in the gallery: "
                f"{call('gallery_history', gallery=str(self.gallery.files))}"
            )

    def _added(self, decision: Decision) -> str | None:
        group = self._groups[decision.path]
        photos, _ = self._require_possible(group, "", str(decision.label))
        return self.gallery.add(photos, self._kept, self._by(decision)).detail

    def _removed(self, line: Decision, decision: Decision) -> str | None:
        """Take out what a decision had enrolled and is there still."""
        sku = str(decision.label)
        there = self.gallery.state.products.get(sku, {})
        going = [sha256 for sha256 in self._added_by(decision) if sha256 in there]
        return self.gallery.remove(sku, self._by(line), going).detail if going else None

    def _added_by(self, decision: Decision) -> list[str]:
        """The photos that the change of a decision brought into its product."""
        version = self._version_of(decision)
        if version is None:
            return []
        name = change_name(version)
        try:
            change = read_change(name, self.gallery.files.read(name))
        except FileNotFoundError:
            raise UserError(
                f"a compaction has forgotten version {version}, which enrolled it; remove it by hand: "
                f"{call('gallery_remove', gallery=str(self.gallery.files), sku=str(decision.label))}"
            ) from None
        return [entry.sha256 for entry in change.added if entry.sku == decision.label]

    def _version_of(self, decision: Decision) -> int | None:
        mark = _mark(decision)
        return next((each.version for each in reversed(self.gallery.state.history) if mark in each.reason), None)

    def _is_made(self, decision: Decision) -> bool:
        """Whether its change stands although making it failed in the end."""
        with suppress(Exception):
            self.gallery.refresh()
        return self.is_carried_out(decision)

    def _by(self, decision: Decision) -> By:
        what = "taken back: " if decision.undoes is not None else ""
        return By(decision.reviewer, f"{what}{decision.given} of the discovery {self.name} {_mark(decision)}")


def _outcome(decision: str, sku: str | None) -> tuple[str, str | None]:
    """The decision as the log has it: what is enrolled has got a name, else there is none."""
    if decision == DISCARD and sku is None:
        return "drop", None
    if decision not in (ENROL, MERGE) or not sku:
        raise ValueError(f"a group is enrolled or merged under a name, or discarded without one; got {decision}")
    return "relabel", sku


def _mark(decision: Decision) -> str:
    """How the gallery's history names a decision."""
    return f"[{decision.id[:16]}]"


def _is_there(path: str, sha256: str) -> bool:
    try:
        return checksum(Path(path).read_bytes()) == sha256
    except OSError:
        return False


def decided_groups(found: Sequence[Group], decisions: Mapping[str, Decision]) -> int:
    """How many groups are decided."""
    return sum(group.key in decisions for group in found)
