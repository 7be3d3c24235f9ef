"""A CSV list of images: ``path,label[,split]``, paths relative to the list."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from shelfmind.data.assembling import FoundImage, assemble
from shelfmind.data.splits import SPLIT_ALIASES
from shelfmind.errors import UserError, unknown_name
from shelfmind.images.photo_files import file_exists
from shelfmind.nouns import counted
from shelfmind.records import Catalog
from shelfmind.tables import read_table
from shelfmind.urls import is_url

_DELIMITERS = (",", ";", "\t")


def csv_catalog(root: Path, seed: int = 0, same_names: bool = False) -> Catalog:
    """The catalog of a CSV list, or of a folder that contains exactly one such list.

    The file is UTF-8, with or without a byte-order mark, delimited by commas, semicolons or tabs, with cells quoted
    where necessary. A `split` column must be filled in on all rows or on none. Raises `UserError` with the line number
    for anything that cannot be read.
    """
    path = _only_list(root) if root.is_dir() else root
    delimiter = delimiter_of(path)
    rows = [] if delimiter is None else read_table(path, delimiter=delimiter)
    columns = {name.lower(): position for position, name in enumerate(rows[0][1])} if rows else {}
    if not {"path", "label"} <= columns.keys():
        raise UserError(f"{path} is not a list of images: its header must have the columns path,label[,split]")
    found: dict[Path, tuple[int, FoundImage]] = {}
    locations: dict[str, str] = {}
    repeated = 0
    for line, cells in rows[1:]:
        row = _row(_Line(path, line, cells), columns)
        earlier = found.setdefault(row.path, (line, row))
        if earlier[1] != row:
            raise UserError(
                f"{path}: lines {earlier[0]} and {line} give {row.path} different labels or splits; keep one of them"
            )
        repeated += earlier[0] != line
        locations.setdefault(row.class_name, f"line {line}")
    images = [row for _, row in found.values()]
    without_split = [line for line, row in found.values() if row.split is None]
    if 0 < len(without_split) < len(images):
        raise UserError(
            f"{path}, line {without_split[0]}: the split is empty; fill in the column on every line or on none"
        )
    notes = (
        [f"{counted(repeated, f'line of {path.name} repeats', f'lines of {path.name} repeat')} an earlier one"]
        if repeated
        else []
    )
    return assemble(images, locations, root=path.parent, format="csv", seed=seed, notes=notes, same_names=same_names)


def delimiter_of(path: Path) -> str | None:
    """The delimiter of a list whose header has at least the columns `path` and `label`; None for other files."""
    try:
        with open(path, encoding="utf-8-sig") as file:
            first = file.readline(10_000)
    except (OSError, UnicodeDecodeError):
        return None
    for delimiter in _DELIMITERS:
        names = {cell.strip().strip('"').lower() for cell in first.split(delimiter)}
        if {"path", "label"} <= names:
            return delimiter
    return None


def is_list(root: Path) -> bool:
    """Whether the path is a list of images, or a folder that contains one."""
    return bool(image_lists(root)) if root.is_dir() else delimiter_of(root) is not None


def image_lists(folder: Path) -> list[Path]:
    """The files in a folder that `csv_catalog` can read."""
    lists = [path for path in sorted(folder.glob("[!.]*")) if path.suffix.lower() == ".csv"]
    return [path for path in lists if delimiter_of(path) is not None]


@dataclass(frozen=True, slots=True)
class _Line:
    file: Path
    number: int
    cells: list[str]

    def cell(self, columns: Mapping[str, int], name: str) -> str:
        position = columns[name]
        return self.cells[position] if position < len(self.cells) else ""


def _only_list(folder: Path) -> Path:
    lists = image_lists(folder)
    if len(lists) != 1:
        names = ", ".join(path.name for path in lists) or "none"
        raise UserError(
            f"{folder} must contain exactly one CSV file with the columns path,label[,split]; found: {names}"
        )
    return lists[0]


def _row(line: _Line, columns: Mapping[str, int]) -> FoundImage:
    name, label = line.cell(columns, "path"), line.cell(columns, "label")
    if not name or not label:
        raise UserError(f"{line.file}, line {line.number}: the {'label' if name else 'path'} is empty")
    split: str | None = None
    given = line.cell(columns, "split") if "split" in columns else ""
    if given:
        split = SPLIT_ALIASES.get(given.lower())
        if split is None:
            raise unknown_name(f"split in {line.file}, line {line.number}:", given, SPLIT_ALIASES)
    path = Path(name) if is_url(name) else line.file.parent / name
    if "\\" in name and not file_exists(path):  # a list written on Windows
        path = line.file.parent / name.replace("\\", "/")
    return FoundImage(path, label, split)
