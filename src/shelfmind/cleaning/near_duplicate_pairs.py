"""Pairs of near-duplicates: read from an audit, or computed."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

from shelfmind.analysis.image_audit.issues import parse_names
from shelfmind.analysis.measuring.measurement import temporary_measurements
from shelfmind.analysis.near_duplicates.groups import Limits, find_duplicates
from shelfmind.data.splits import relative_name
from shelfmind.errors import UserError, call
from shelfmind.nouns import counted
from shelfmind.progress import Counter
from shelfmind.records import BadFile, Catalog
from shelfmind.tables import read_table

Pair = tuple[str, str]
"""Two images by their paths below the data set's root."""
ISSUES = "issues.csv"
_KINDS = frozenset({"duplicate", "conflict", "leak"})


def audited_pairs(audit: Path) -> list[Pair]:
    """The pairs of near-duplicates in an audit's ``issues.csv``.

    Raises `UserError` if the folder is not an audit.
    """
    path = audit / ISSUES
    if not path.is_file():
        raise UserError(
            f"{audit} is not an audit: it has no {ISSUES}; create one with: {call('audit', data='DATA', out=audit)}"
        )
    rows = read_table(path, exact=True)
    columns = {name: index for index, name in enumerate(rows[0][1])} if rows else {}
    if not {"path", "kind", "related"} <= columns.keys():
        raise UserError(f"{path} lacks the columns path, kind and related; audit again")
    pairs: list[Pair] = []
    for line, cells in rows[1:]:
        if len(cells) != len(columns):
            raise UserError(
                f"{path}, line {line}: expected {counted(len(columns), 'cell')}, got {len(cells)}; audit again"
            )
        if cells[columns["kind"]] in _KINDS:
            pairs.extend((cells[columns["path"]], other) for other in parse_names(cells[columns["related"]]))
    return pairs


def find_pairs(catalog: Catalog, counter: Counter) -> tuple[list[Pair], list[BadFile]]:
    """The pairs of near-duplicates, computed from all images, and the unusable files."""
    names = [relative_name(sample.path, catalog.root) for sample in catalog.samples]
    paths = [sample.path for sample in catalog.samples]
    with temporary_measurements(paths, counter) as measured:
        groups = find_duplicates(measured, Limits(), counter)
    members = ([names[measured.indices[member]] for member in group.members] for group in groups)
    return [pair for group in members for pair in pairwise(group)], list(measured.bad_files)
