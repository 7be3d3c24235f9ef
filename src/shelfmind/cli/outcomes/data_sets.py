"""What the verbs about data came to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console

from shelfmind.display import Display, prepared_table

if TYPE_CHECKING:  # a command's help does without them
    from pathlib import Path

    from shelfmind.requests.preparing import PrepareRequest
    from shelfmind.shelf_generator.settings import GenerateRequest
    from shelfmind.workflows.prepare import PreparationOutcome


def show_prepared(prepared: PreparationOutcome, request: PrepareRequest, display: Display) -> None:
    """What was done, what to know, and where it is."""
    Console().print(prepared_table(prepared.figures))
    for line in prepared.notes:
        display.line(f"note: {line}")
    how = ", ".join(f"{number} {what}" for what, number in sorted(prepared.placed.items()))
    display.line(f"data:   {prepared.out} ({how})")
    display.line(f"report: {prepared.out / 'report.html'}")


def show_generated(folder: Path, request: GenerateRequest, display: Display) -> None:
    """Where it is."""
    display.line(f"data:  {request.out}")
    display.line(f"truth: {folder / 'truth.csv'}")
