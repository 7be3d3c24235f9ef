"""Small CSV files, written atomically."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

from shelfmind.errors import UserError
from shelfmind.files import write_atomically


def write_table(path: Path, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Write a CSV (UTF-8) atomically: readers see either the old file or the new one.

    File names that are not UTF-8 on disk keep their bytes. Raises `UserError` if the file cannot be written.
    """

    def fill(temporary: Path) -> None:
        temporary.parent.mkdir(parents=True, exist_ok=True)
        with open(temporary, "w", encoding="utf-8", errors="surrogateescape", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(columns)
            writer.writerows(rows)

    write_atomically(path, fill)


def read_table(path: Path, *, delimiter: str = ",", exact: bool = False) -> list[tuple[int, list[str]]]:
    """Read the rows that are not blank, with their line numbers; UTF-8 with or without a byte-order mark.

    Cells are stripped unless `exact` (for files of `write_table`). Raises `UserError` if the file cannot be
    read, is not UTF-8 or is not a CSV.
    """
    try:
        with open(path, encoding="utf-8-sig", errors="surrogateescape" if exact else "strict", newline="") as file:
            reader = csv.reader(file, delimiter=delimiter, skipinitialspace=not exact, strict=True)
            rows = [(reader.line_num, row if exact else [cell.strip() for cell in row]) for row in reader]
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not UTF-8 text; save it as 'CSV UTF-8'") from error
    except csv.Error as error:
        raise UserError(f"{path} is not a CSV file: {error}") from error
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}") from error
    return [(line, row) for line, row in rows if any(row)]
