"""What a change of a gallery is to do, who makes it, and what comes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from shelfmind.arrays import Floats
from shelfmind.gallery.changes import Entry

if TYPE_CHECKING:  # what guards an enrolment is loaded by who wants it
    from shelfmind.gallery.findings import Finding


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


@dataclass
class Plan:
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
