"""Reads the tables that shelfmind writes, such as a drawn data set's ``truth.csv``."""

from __future__ import annotations

from pathlib import Path

from shelfmind.tables import read_table


def read_rows(path: Path) -> list[dict[str, str]]:
    """A table as one mapping a row."""
    rows = [row for _, row in read_table(path, exact=True)]
    return [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]
