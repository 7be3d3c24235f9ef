"""The plan of a change of a gallery, its author and its outcome."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from shelfmind.arrays import Floats
from shelfmind.gallery.changes import Entry

if TYPE_CHECKING:  # guards are imported only by those who use them
    from shelfmind.gallery.findings import Finding


@dataclass(frozen=True)
class Attribution:
    """The author of a change and the reason for it."""

    author: str
    reason: str = ""


@dataclass(frozen=True)
class ChangeOutcome:
    """The version that a change made (None if nothing changed), with its description and warnings.

    `findings` are the guard's, `warnings` their descriptions.
    """

    version: int | None
    detail: str
    warnings: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()


@dataclass
class Plan:
    """A change, planned for one state."""

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
        """Return the outcome, with the version that the change made."""
        return ChangeOutcome(version, self.detail, tuple(self.warnings), tuple(self.findings))
