"""The outcomes of `serve` and of the verbs for its keys."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from shelfmind.display import Display

if TYPE_CHECKING:  # not needed for help
    from shelfmind.requests.serving import KeysAddRequest, KeysListRequest, KeysRevokeRequest, ServeRequest
    from shelfmind.serving.keys import Key
    from shelfmind.serving.serve import Served


def show_served(served: Served, request: ServeRequest, display: Display) -> None:
    """Print that the service has ended."""
    display.line(f"stopped after {served.seconds:,.0f} s")


def show_key(key: str, request: KeysAddRequest, display: Display) -> None:
    """Print the key, alone on standard output."""
    typer.echo(key)
    display.line(f"key of {request.name}, role {request.role}. It is shown only once: store it now")


def show_keys(keys: Sequence[Key], request: KeysListRequest, display: Display) -> None:
    """Print the names and roles of all keys."""
    table = Table(Column("name", overflow="fold"), "role", "created (UTC)", "id")
    for key in keys:
        table.add_row(Text(key.name), key.role, key.created.replace("T", " ")[:19], key.id)
    Console().print(table)


def show_revoked(key: Key, request: KeysRevokeRequest, display: Display) -> None:
    """Print the name of the revoked key."""
    display.line(f"revoked the key of {key.name} ({key.role})")
