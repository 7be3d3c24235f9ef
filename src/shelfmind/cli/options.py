"""Options, checks and outputs that several verbs share."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from shelfmind.cli.commands import INTERRUPTED

if TYPE_CHECKING:
    from shelfmind.display import Display

Data = Annotated[Path, typer.Argument(help="data set: a folder of class folders, RP2K, a csv, or Grocery Store")]
Run = Annotated[Path, typer.Argument(help="a run folder that `shelfmind train` made")]
Format = Annotated[str | None, typer.Option(help="folder, rp2k, csv or grocery_store; found out if not given")]
MaxBad = Annotated[float, typer.Option(min=0, max=1, help="share of unusable files above which to stop")]
JsonFile = Annotated[
    Path | None, typer.Option("--json", help="also write the figures to this file; - for standard output")
]
AllowSeen = Annotated[
    bool, typer.Option("--allow-seen", help="go on with images that the run was trained on, or may have been")
]
Tta = Annotated[str | None, typer.Option(help="views to average, such as flip,centre; none for the plain image alone")]


def views(tta: str | None) -> tuple[str, ...] | None:
    if tta is None:
        return None
    return tuple(name.strip() for name in tta.split(",") if name.strip() and name.strip() != "none")


def print_evaluation(figures: dict[str, Any]) -> None:
    from shelfmind.display import evaluation_table

    Console().print(evaluation_table(figures))


@contextmanager
def stoppable(began: Path, advice: str, display: Display) -> Iterator[None]:
    """Say on Ctrl-C how to go on, if the file `began` shows that there is something to go on with."""
    try:
        yield
    except KeyboardInterrupt:
        if not began.exists():
            raise
        display.line(f"stopped; {advice}")
        sys.exit(INTERRUPTED)


def write_figures(content: Any, path: Path | None) -> None:
    if path is None:
        return
    if str(path) == "-":
        typer.echo(json.dumps(content, ensure_ascii=False, indent=2))
        return
    from shelfmind.files import write_json

    write_json(path, content)


def require_folder_of(file: Path | None) -> None:
    """Refuse an output that cannot be written before any work is done."""
    if file is None or str(file) == "-":
        return
    from shelfmind.files import require_writable

    require_writable(file)
