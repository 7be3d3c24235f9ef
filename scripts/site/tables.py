"""Markdown tables, and formatting of cell values."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; cells are Markdown, with bars and line breaks escaped."""
    lines = [_row(head), _row(["---"] * len(head)), *map(_row, rows)]
    return "\n".join(lines) + "\n"


def code(value: str) -> str:
    """Return the value as code; an empty value stays empty."""
    return f"`{value}`" if value else ""


def plain(text: str) -> str:
    """Return the text with Markdown and HTML characters escaped."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace("*", "\\*").replace("_", "\\_") if text else ""


def sentence(text: str) -> str:
    """Return the text with a capital and a full stop; code spans stay unchanged."""
    parts = text.split("`")
    said = "`".join(part if index % 2 else plain(part) for index, part in enumerate(parts)).strip()
    if not said:
        return ""
    return said[0].upper() + said[1:] + ("" if said[-1] in ".?!" else ".")


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(map(_harmless, cells)) + " |"


def _harmless(cell: str) -> str:
    """Without line breaks, and with bars escaped outside of code spans."""
    parts = cell.replace("\n", " ").split("`")
    return "`".join(part if index % 2 else part.replace("|", "\\|") for index, part in enumerate(parts))
