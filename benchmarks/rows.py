"""Read tables written by shelfmind, such as ``truth.csv`` of synthetic photos."""

from __future__ import annotations

from pathlib import Path

from shelfmind.tables import read_table


def read_rows(path: Path) -> list[dict[str, str]]:
    """Return a table as one mapping per row."""
    rows = [row for _, row in read_table(path, exact=True)]
    return [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]
