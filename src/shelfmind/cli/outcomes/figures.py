"""The option by which a verb's figures go to a file as well."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from shelfmind.cli.options import require_folder_of, write_figures

__all__ = ["JsonFile", "write_figures"]


def _writable(path: Path | None) -> Path | None:
    """Refuse it before any work is done."""
    require_folder_of(path)
    return path


JsonFile = Annotated[
    Path | None,
    typer.Option("--json", callback=_writable, help="also write the figures to this file; - for standard output"),
]
