"""The option that writes results as JSON."""

from __future__ import annotations

import codecs
import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer


def _writable(path: Path | None) -> Path | None:
    """Reject an unwritable output before any work is done."""
    if path is not None and str(path) != "-":
        from shelfmind.files import require_writable

        require_writable(path)
    return path


JsonFile = Annotated[
    Path | None,
    typer.Option(
        "--json", callback=_writable, help="Also write the results as JSON to this file (- for standard output)."
    ),
]


def write_figures(content: Any, path: Path | None) -> None:
    """Write the content as JSON to the file or standard output, if requested."""
    if path is None:
        return
    if str(path) == "-":
        utf8 = codecs.lookup(sys.stdout.encoding or "utf-8").name == "utf-8"  # escapes of others are not JSON's
        typer.echo(json.dumps(content, ensure_ascii=not utf8, indent=2))
        return
    from shelfmind.files import write_json

    write_json(path, content)
