"""Markdown tables, and values as they stand in their cells."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; cells are Markdown, of which bars and line ends are made harmless."""
    lines = [_row(head), _row(["---"] * len(head)), *map(_row, rows)]
    return "\n".join(lines) + "\n"


def code(value: str) -> str:
    """As code; empty stays empty."""
    return f"`{value}`" if value else ""


def plain(text: str) -> str:
    """Words that say nothing to Markdown or HTML."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace("*", "\\*").replace("_", "\\_") if text else ""


def sentence(text: str) -> str:
    """With a capital and a full stop, its code spans untouched."""
    parts = text.split("`")
    said = "`".join(part if index % 2 else plain(part) for index, part in enumerate(parts)).strip()
    if not said:
        return ""
    return said[0].upper() + said[1:] + ("" if said[-1] in ".?!" else ".")


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(map(_harmless, cells)) + " |"


def _harmless(cell: str) -> str:
    """Without line ends, and with bars that part no cells; those within code do not."""
    parts = cell.replace("\n", " ").split("`")
    return "`".join(part if index % 2 else part.replace("|", "\\|") for index, part in enumerate(parts))
