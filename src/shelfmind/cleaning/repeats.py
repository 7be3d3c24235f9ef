"""Which images show the same picture, as an audit found it."""

from __future__ import annotations

from pathlib import Path

from shelfmind.data.tables import read_table
from shelfmind.errors import UserError

ISSUES = "issues.csv"
_KINDS = frozenset({"duplicate", "near_duplicate", "conflict", "leak"})


def audited_pairs(audit: Path) -> list[tuple[str, str]]:
    """The pairs of images that an audit's ``issues.csv`` calls repetitions of each other.

    Raises `UserError` if the folder is no audit.
    """
    path = audit / ISSUES
    if not path.is_file():
        raise UserError(
            f"{audit} is not an audit: it has no {ISSUES}; make one with: shelfmind audit DATA --out {audit}"
        )
    rows = read_table(path, exact=True)
    columns = {name: place for place, name in enumerate(rows[0][1])} if rows else {}
    if not {"path", "kind", "related"} <= columns.keys():
        raise UserError(f"{path} lacks the columns path, kind and related; make the audit anew")
    pairs = []
    for line, cells in rows[1:]:
        if len(cells) != len(columns):
            raise UserError(f"{path}, line {line}: {len(cells)} cells where {len(columns)} belong; make the audit anew")
        if cells[columns["kind"]] in _KINDS and cells[columns["related"]]:
            pairs.append((cells[columns["path"]], cells[columns["related"]]))
    return pairs
