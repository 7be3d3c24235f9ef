"""Observers: receive progress and messages of a verb."""

from __future__ import annotations

from shelfmind.errors import worded
from shelfmind.progress import Progress, count_silently


class Observer:
    """Receives progress and messages of a verb. This base class is silent: subclass it and override what you need."""

    def note(self, text: str) -> None:
        """Called with a note for the user."""

    def warn(self, text: str) -> None:
        """Called with a warning about a problem that makes the outcome questionable."""

    def result(self, text: str) -> None:
        """Called with a result that is available before the verb ends, such as the address of a page."""

    def phase(self, what: str) -> None:
        """Called before a longer step whose progress cannot be measured."""

    def counter(self, what: str, total: int | None, unit: str = "images") -> Progress:
        """Called before `total` items are processed; the returned function takes each number of finished ones."""
        return count_silently(what, total, unit)

    def worded(self, text: str) -> str:
        """The message with its terms as the reader types them: Python arguments here, flags on the command line."""
        return worded(text)


class ForwardingObserver(Observer):
    """Forwards everything to another observer: the base class for observers that add something."""

    def __init__(self, observer: Observer) -> None:
        self.observer = observer

    def note(self, text: str) -> None:
        """Forward to the other observer."""
        self.observer.note(text)

    def warn(self, text: str) -> None:
        """Forward to the other observer."""
        self.observer.warn(text)

    def result(self, text: str) -> None:
        """Forward to the other observer."""
        self.observer.result(text)

    def phase(self, what: str) -> None:
        """Forward to the other observer."""
        self.observer.phase(what)

    def counter(self, what: str, total: int | None, unit: str = "images") -> Progress:
        """Forward to the other observer."""
        return self.observer.counter(what, total, unit)

    def worded(self, text: str) -> str:
        """Forward to the other observer."""
        return self.observer.worded(text)


SILENT = Observer()
