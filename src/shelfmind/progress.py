"""How long work tells that it goes on, and what else its user should know."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

from shelfmind.errors import Message, marked

Progress = Callable[[int], None]
"""Told how many more things are done."""

Note = Callable[[str], None]
"""Told something that people should know."""


class Counter(Protocol):
    """Told what is done and how many things of which kind (`unit`, a plural such as images, pairs or bytes) there are
    to do, None if that is not known, before the first is done."""

    def __call__(self, what: str, total: int | None, unit: str = "images") -> Progress: ...


def count_silently(what: str, total: int | None, unit: str = "images") -> Progress:
    """A `Counter` that shows nothing."""
    return lambda done: None


def say_nothing(text: str) -> None:
    """A `Note` that is told in vain."""


def tell(notes: Iterable[str], note: Note) -> None:
    """Tell what is to be known of a data set, each marked as a note."""
    for text in notes:
        note(Message(f"note: {marked(text)}"))
