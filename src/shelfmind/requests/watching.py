"""Who is told how a verb goes on."""

from __future__ import annotations

from shelfmind.errors import worded
from shelfmind.progress import Progress, count_silently


class Observer:
    """Is told what a verb does; this one is silent. Derive from it and override what you want to know."""

    def note(self, text: str) -> None:
        """Called with something that people should know."""

    def warn(self, text: str) -> None:
        """Called with what makes the outcome doubtful, which nobody should miss."""

    def result(self, text: str) -> None:
        """Called with a result that is there before the verb ends, such as the address of a page."""

    def phase(self, what: str) -> None:
        """Called before something that takes a while and cannot be counted."""

    def counter(self, what: str, total: int | None, unit: str = "images") -> Progress:
        """Called before `total` things are worked on; the function returned is called with each number newly done."""
        return count_silently(what, total, unit)

    def worded(self, text: str) -> str:
        """A message as whoever reads what a verb writes would type it: as Python here, as flags for the command."""
        return worded(text)


class ForwardingObserver(Observer):
    """Passes everything on to another observer: the base of those that do so and something else besides."""

    def __init__(self, observer: Observer) -> None:
        self.observer = observer

    def note(self, text: str) -> None:
        """Pass it on."""
        self.observer.note(text)

    def warn(self, text: str) -> None:
        """Pass it on."""
        self.observer.warn(text)

    def result(self, text: str) -> None:
        """Pass it on."""
        self.observer.result(text)

    def phase(self, what: str) -> None:
        """Pass it on."""
        self.observer.phase(what)

    def counter(self, what: str, total: int | None, unit: str = "images") -> Progress:
        """Pass it on."""
        return self.observer.counter(what, total, unit)

    def worded(self, text: str) -> str:
        """Pass it on."""
        return self.observer.worded(text)


SILENT = Observer()
