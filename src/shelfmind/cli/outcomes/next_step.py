"""The one line at the end of a command that says what comes next."""

from __future__ import annotations

from shelfmind.cli.wording import as_typed
from shelfmind.display import Display


def say_next(display: Display, what: str, command: str) -> None:
    """What to do next, why, and the command for it."""
    display.line(f"next: {as_typed(what)}: {as_typed(command)}")
