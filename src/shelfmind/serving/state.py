"""The folder of what a service keeps for itself: keys, audit log, corrections."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_data_path

from shelfmind.files import make_folder

VARIABLE = "SHELFMIND_STATE"


@dataclass(frozen=True)
class State:
    """Names of the files; `root` is the folder."""

    root: Path

    @property
    def keys(self) -> Path:
        """The hashes of API keys, for the owner's eyes only."""
        return self.root / "keys.json"

    @property
    def session_secret(self) -> Path:
        """What sessions of the page are signed by, for the owner's eyes only."""
        return self.root / "session.secret"

    @property
    def audit_log(self) -> Path:
        """Who changed what, when."""
        return self.root / "audit.jsonl"

    @property
    def corrections(self) -> Path:
        """Photos whose answers people corrected, and their decisions."""
        return self.root / "corrections"

    def make(self) -> None:
        """Make the folder. Raises `UserError` if that cannot be."""
        make_folder(self.root)


def state_of(given: Path | None) -> State:
    """The folder that was asked for, that ``SHELFMIND_STATE`` names, or ``serve`` in the user's data folder."""
    named = os.environ.get(VARIABLE)
    if given is None and named:
        given = Path(named)
    return State(given if given is not None else user_data_path("shelfmind", appauthor=False) / "serve")
