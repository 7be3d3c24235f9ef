"""How long work tells that it goes on."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[int], None]
"""Told how many more things are done."""
Counter = Callable[[str, int | None], Progress]
"""Told what is counted and how many there are, if that is known, before the first is done."""


def count_silently(what: str, total: int | None) -> Progress:
    """A `Counter` that shows nothing."""
    return lambda done: None
