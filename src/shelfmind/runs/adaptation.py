"""The record of an adapted run in its provenance."""

from __future__ import annotations

from typing import Any

from shelfmind.nouns import counted
from shelfmind.runs.folder import RunFolder, read_json

ADAPTED = "adapted"
"""The key in `provenance.json`."""


def adaptation_of(run: RunFolder) -> dict[str, Any] | None:
    """The record written by `adapt`; None for a run that was not adapted."""
    found: dict[str, Any] | None = read_json(run.provenance).get(ADAPTED) if run.provenance.exists() else None
    return found


def note_on_adaptation(run: RunFolder) -> tuple[str, ...]:
    """A note on the metrics of an adapted run."""
    found = adaptation_of(run)
    if found is None:
        return ()
    photos = counted(found["images"], "photo")
    return (
        f"the run was adapted to {photos} of {', '.join(found['photos'])}, without labels: its metrics hold for "
        "similar photos",
    )
