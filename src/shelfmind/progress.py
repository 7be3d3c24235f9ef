"""Types of callbacks for progress and notes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

from shelfmind.errors import Message, marked

Progress = Callable[[int], None]
"""Called with the number of newly finished items."""

Note = Callable[[str], None]
"""Called with a note for the user."""


class Counter(Protocol):
    """Called before the first item with the task, the total number of items (None if unknown) and their kind (`unit`, a
    plural such as images, pairs or bytes)."""

    def __call__(self, what: str, total: int | None, unit: str = "images") -> Progress: ...


def count_silently(what: str, total: int | None, unit: str = "images") -> Progress:
    """A silent `Counter`."""
    return lambda done: None


def ignore_note(text: str) -> None:
    """A silent `Note`."""


def tell(notes: Iterable[str], note: Note) -> None:
    """Pass on the notes about a data set, each prefixed by "note: "."""
    for text in notes:
        note(Message(f"note: {marked(text)}"))
