"""The outcome of `gallery discover`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from shelfmind.cli.outcomes.figures import JsonFile, write_figures
from shelfmind.cli.wording import as_typed
from shelfmind.display import Display
from shelfmind.errors import call
from shelfmind.nouns import counted

if TYPE_CHECKING:  # not needed for help
    from shelfmind.requests.discovery import GalleryDiscoverRequest
    from shelfmind.workflows.discovery import DiscoveryOutcome

MAX_ROWS = 20


def show_discovery(
    found: DiscoveryOutcome, request: GalleryDiscoverRequest, display: Display, *, json_file: JsonFile = None
) -> None:
    """Print the number of candidate products, the largest of them, and the next step."""
    write_figures(found.figures, json_file)
    groups = found.discovery.groups
    if groups and (json_file is None or str(json_file) != "-"):
        table = Table("group", "photos", "candidate for", Column("nearest product", overflow="fold"), "similarity")
        for group in groups[:MAX_ROWS]:
            nearest = ("", "") if group.nearest is None else (group.nearest.sku, f"{group.nearest.similarity:.3f}")
            kind = "changed packaging" if group.kind == "changed" else "new product"
            table.add_row(str(group.number), str(len(group.photos)), kind, Text(nearest[0]), nearest[1])
        Console().print(table)
        if len(groups) > MAX_ROWS:
            display.line(f"and {counted(len(groups) - MAX_ROWS, 'more group')}")
    display.line(_summary(found))
    for path, reason in found.discovery.unusable[:MAX_ROWS]:
        display.line(f"note: unusable: {path}: {reason}")
    display.line(f"groups: {request.out} (groups.json, groups.csv, discovery.html)")
    if groups:
        display.line(f"review them with: {as_typed(call('review', audit=str(request.out)))}")


def _summary(found: DiscoveryOutcome) -> str:
    discovery = found.discovery
    kinds = [group.kind for group in discovery.groups]
    parts = [
        f"{counted(kinds.count('new'), 'group')} of new products",
        f"{counted(kinds.count('changed'), 'group')} of changed packaging",
        f"{counted(len(discovery.known), 'photo')} of enrolled products",
        f"{counted(len(discovery.alone), 'single photo')}",
    ]
    if discovery.unusable:
        parts.append(f"{counted(len(discovery.unusable), 'file')} unusable")
    return ", ".join(parts)
