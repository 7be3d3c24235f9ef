"""What `serve` and the verbs of its keys came to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from shelfmind.display import Display

if TYPE_CHECKING:  # a command's help does without them
    from shelfmind.requests.serving import KeysAddRequest, KeysListRequest, KeysRevokeRequest, ServeRequest
    from shelfmind.serving.keys import Key
    from shelfmind.serving.serve import Served


def show_served(served: Served, request: ServeRequest, display: Display) -> None:
    """That it has ended."""
    display.line(f"stopped after {served.seconds:,.0f} s")


def show_key(key: str, request: KeysAddRequest, display: Display) -> None:
    """The key, alone on standard output."""
    typer.echo(key)
    display.line(f"key of {request.name}, role {request.role}; it is shown this once, so keep it now")


def show_keys(keys: Sequence[Key], request: KeysListRequest, display: Display) -> None:
    """Who has keys, and for what."""
    table = Table(Column("name", overflow="fold"), "role", "made (UTC)", "id")
    for key in keys:
        table.add_row(Text(key.name), key.role, key.created.replace("T", " ")[:19], key.id)
    Console().print(table)


def show_revoked(key: Key, request: KeysRevokeRequest, display: Display) -> None:
    """Whose key no longer counts."""
    display.line(f"the key of {key.name} ({key.role}) no longer counts")
