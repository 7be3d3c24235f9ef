"""Rejects runs that were adapted to other photos, and their exports, where contest rules apply."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from shelfmind.errors import UserError
from shelfmind.inference.exported import read_exported
from shelfmind.runs.adaptation import ADAPTED, adaptation_of
from shelfmind.runs.folder import RunFolder


def require_unadapted(rules: str | None, runs: Iterable[Path]) -> None:
    """Check that none of the run folders and exported files was adapted, if there are rules.

    Raises:
        UserError: one was adapted to photos that are not its training images, or a file is not an export.
    """
    for path in runs if rules is not None else ():
        if path.is_dir():
            adapted = adaptation_of(RunFolder(path)) is not None
        else:
            adapted = path.is_file() and ADAPTED in read_exported(path).facts["provenance"]
        if adapted:
            raise UserError(
                f"{rules} rule 2: {path} was adapted to photos that are not its training images; use the run that it "
                "was made from"
            )
