"""The option by which a verb's figures go to a file as well."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer


def _writable(path: Path | None) -> Path | None:
    """Refuse an output that cannot be written before any work is done."""
    if path is not None and str(path) != "-":
        from shelfmind.files import require_writable

        require_writable(path)
    return path


JsonFile = Annotated[
    Path | None,
    typer.Option(
        "--json", callback=_writable, help="Also write the results as JSON to this file, or to standard output for -."
    ),
]


def write_figures(content: Any, path: Path | None) -> None:
    """Write them as JSON to the file, if there is one, or to standard output."""
    if path is None:
        return
    if str(path) == "-":
        typer.echo(json.dumps(content, ensure_ascii=False, indent=2))
        return
    from shelfmind.files import write_json

    write_json(path, content)
