"""Who is told how a verb goes on."""

from __future__ import annotations

from typing import Protocol

from shelfmind.progress import Progress, count_silently


class Observer(Protocol):
    """Told what a verb does; every verb takes one as `watcher`."""

    def note(self, text: str) -> None:
        """Called with something that people should know."""

    def warn(self, text: str) -> None:
        """Called with what makes the outcome doubtful, which nobody should miss."""

    def phase(self, what: str) -> None:
        """Called before something that takes a while and cannot be counted."""

    def counter(self, what: str, total: int | None, unit: str = "images") -> Progress:
        """Called before `total` things are worked on; the function returned is called with each number newly done."""


class Silent:
    """An `Observer` that shows nothing."""

    def note(self, text: str) -> None:
        """Says nothing."""

    def warn(self, text: str) -> None:
        """Warns nobody."""

    def phase(self, what: str) -> None:
        """Shows nothing."""

    def counter(self, what: str, total: int | None, unit: str = "images") -> Progress:
        """Counts nothing."""
        return count_silently(what, total, unit)


SILENT = Silent()
