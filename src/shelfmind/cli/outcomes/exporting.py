"""The outcome of `export`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from shelfmind.cli.outcomes.figures import JsonFile, write_figures
from shelfmind.display import Display
from shelfmind.nouns import counted

if TYPE_CHECKING:  # not needed for help
    from shelfmind.exporting.export import Export
    from shelfmind.requests.exporting import ExportRequest


def show_export(outcome: Export, request: ExportRequest, display: Display, *, json_file: JsonFile = None) -> None:
    """Print how the engines compare with MindSpore, and the path of the file."""
    write_figures(outcome.to_json(), json_file)
    if json_file is None or str(json_file) != "-":
        Console().print(_compared(outcome))
    display.line(f"file:   {outcome.path}")


def _compared(outcome: Export) -> Table:
    first = next(iter(outcome.parity.values()))
    columns = ("engine", "images/s", "max. difference", "same top-1 class", "top-1", "change (points)")
    table = Table(*columns, title=f"compared with MindSpore on {counted(first.images, 'image')}")
    table.add_row("mindspore", f"{outcome.mindspore_images_per_second:.1f}", "", "", f"{first.top1_before[0]:.1%}", "")
    for name, each in outcome.parity.items():
        figures = (f"{each.images_per_second:.1f}", f"{each.greatest_difference:.1e}", f"{each.agreement:.2%}")
        change, (low, high) = each.difference
        points = f"{100 * change:+.2f} ({100 * low:+.2f} to {100 * high:+.2f})"
        table.add_row(f"{name} {outcome.precision}", *figures, f"{each.top1_after[0]:.1%}", points)
    return table
