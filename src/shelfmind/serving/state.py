"""The state folder of a service: keys, audit log, corrections."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_data_path

from shelfmind.files import make_folder

VARIABLE = "SHELFMIND_STATE"


@dataclass(frozen=True)
class State:
    """The paths of the files in the folder `root`."""

    root: Path

    @property
    def keys(self) -> Path:
        """The hashes of API keys, readable by the owner only."""
        return self.root / "keys.json"

    @property
    def session_secret(self) -> Path:
        """The secret that signs sessions of the page, readable by the owner only."""
        return self.root / "session.secret"

    @property
    def audit_log(self) -> Path:
        """The log of who changed what and when."""
        return self.root / "audit.jsonl"

    @property
    def corrections(self) -> Path:
        """The photos with corrected answers, and the decisions."""
        return self.root / "corrections"

    def make(self) -> None:
        """Create the folder. Raises `UserError` if that fails."""
        make_folder(self.root)


def state_of(given: Path | None) -> State:
    """Return the given folder, that of ``SHELFMIND_STATE``, or ``serve`` in the user's data folder."""
    named = os.environ.get(VARIABLE)
    if given is None and named:
        given = Path(named)
    return State(given if given is not None else user_data_path("shelfmind", appauthor=False) / "serve")
