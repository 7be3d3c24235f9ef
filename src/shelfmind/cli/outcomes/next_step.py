"""The last line of a command: the next step."""

from __future__ import annotations

from shelfmind.cli.wording import as_typed
from shelfmind.display import Display


def print_next_step(display: Display, what: str, command: str) -> None:
    """Print the next step, the reason, and its command, after the warnings."""
    display.repeat_warnings()
    display.line(f"next: {as_typed(what)}: {as_typed(command)}")
