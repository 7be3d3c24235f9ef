"""Broader classes: relabels photos with coarser classes, such as the product category or the brand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from shelfmind.data.classes import normalise_class_name
from shelfmind.errors import UserError
from shelfmind.nouns import counted, shortened
from shelfmind.records import UNLABELLED, Catalog, Sample
from shelfmind.tables import read_table, write_table

COLUMNS = ("class", "broader")
_HEADERS = (COLUMNS, ("class name (str)", "coarse class name (str)"))
"""The columns of shelfmind's tables, and of the `classes.csv` that comes with Grocery Store."""


def read_broader(path: Path) -> dict[str, str]:
    """Read the broader class of each class from a CSV with the columns ``class,broader``; other columns are ignored.

    Raises `UserError` with the line number if a class has no broader class, or two.
    """
    rows = read_table(path)
    header = [name.lower() for name in rows[0][1]] if rows else []
    columns = next(((header.index(own), header.index(up)) for own, up in _HEADERS if {own, up} <= {*header}), None)
    if columns is None:
        raise UserError(f"{path} is not a table of broader classes: its header must have the columns class,broader")
    broader: dict[str, str] = {}
    for line, cells in rows[1:]:
        name, wider = (normalise_class_name(cells[index]) if index < len(cells) else "" for index in columns)
        if not name or not wider:
            raise UserError(f"{path}, line {line}: the {'broader class' if name else 'class'} is empty")
        if broader.setdefault(name, wider) != wider:
            raise UserError(
                f"{path}, line {line}: '{name}' already has the broader class '{broader[name]}'; keep one of the two"
            )
    return broader


def with_broader_classes(catalog: Catalog, broader: Mapping[str, str], source: Path) -> Catalog:
    """The catalog with each sample relabelled by the broader class of its class; `source` is the table's file, for
    messages.

    Raises `UserError` if a class is missing from the table, or if fewer than two broader classes are left.
    """
    broader_names = [broader.get(normalise_class_name(name)) for name in catalog.class_names]
    missing = [name for name, found in zip(catalog.class_names, broader_names, strict=True) if found is None]
    if missing:
        what = f"{counted(len(missing), 'class')} of the data: {shortened(missing)}"
        raise UserError(f"{source} has no broader class for {what}")
    names = sorted({name for name in broader_names if name is not None})
    if len(names) < 2:
        raise UserError(f"{source} puts all classes into '{names[0]}'; at least two broader classes are needed")
    class_ids = {name: class_id for class_id, name in enumerate(names)}
    labels = [class_ids[str(name)] for name in broader_names]
    samples = tuple(
        Sample(each.path, UNLABELLED if each.label == UNLABELLED else labels[each.label], each.split)
        for each in catalog.samples
    )
    notes = (
        *catalog.notes,
        f"{counted(len(catalog.class_names), 'class was', 'classes were')} merged into {len(names)} broader ones",
    )
    return replace(catalog, samples=samples, class_names=tuple(names), notes=notes)


def write_broader(catalog: Catalog, broader: Mapping[str, str], path: Path) -> None:
    """Write the broader class of each of the data's classes, in the format of `read_broader`."""
    write_table(path, COLUMNS, [(name, broader[normalise_class_name(name)]) for name in catalog.class_names])
