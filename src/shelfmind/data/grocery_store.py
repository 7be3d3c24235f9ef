"""The Grocery Store data set: ``train.txt``, ``val.txt``, ``test.txt`` and ``classes.csv`` (arXiv 1901.00711)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from shelfmind.data.assembling import FoundImage, assemble
from shelfmind.data.splits import SPLITS
from shelfmind.errors import UserError
from shelfmind.nouns import counted
from shelfmind.records import Catalog
from shelfmind.tables import read_table

_NAME, _ID = "Class Name (str)", "Class ID (int)"


def grocery_store_catalog(root: Path, seed: int = 0, same_names: bool = False) -> Catalog:
    """The catalog of the fine classes; the data set's ids are replaced by the positions of the sorted class names.

    Each list contains lines of ``path, fine id, coarse id`` and may be missing; see `complete_splits` for a missing
    val. Raises `UserError` with the line number for anything that cannot be read, and for two lines that give a photo
    different labels or splits.
    """
    names = _class_names(root / "classes.csv")
    lists = split_lists(root)
    if not lists:
        raise UserError(f"{root} has none of {', '.join(f'{split}.txt' for split in SPLITS)}")
    found: dict[Path, tuple[str, FoundImage]] = {}
    notes = [note for split, path in lists.items() for note in _read_list(path, split, names, found)]
    images = [image for _, image in found.values()]
    locations = {name: f"classes.csv, id {class_id}" for class_id, name in names.items()}
    return assemble(images, locations, root=root, format="grocery_store", seed=seed, notes=notes, same_names=same_names)


def is_grocery_store(root: Path) -> bool:
    """Whether the class table and at least one list of images are present."""
    return (root / "classes.csv").is_file() and bool(split_lists(root))


def split_lists(root: Path) -> dict[str, Path]:
    """The lists that are present, by split."""
    return {split: root / f"{split}.txt" for split in SPLITS if (root / f"{split}.txt").is_file()}


def _class_names(path: Path) -> dict[int, str]:
    rows = read_table(path)
    header = rows[0][1] if rows else []
    if _NAME not in header or _ID not in header:
        raise UserError(f"{path} must have the columns '{_NAME}' and '{_ID}'")
    name_column, id_column = header.index(_NAME), header.index(_ID)
    names: dict[int, str] = {}
    ids: dict[str, int] = {}
    for line, row in rows[1:]:
        if len(row) <= max(name_column, id_column) or not row[id_column].isdecimal():
            raise UserError(f"{path}, line {line}: the class name or id is missing")
        name, class_id = row[name_column], int(row[id_column])
        if names.setdefault(class_id, name) != name or ids.setdefault(name, class_id) != class_id:
            raise UserError(f"{path}, line {line}: duplicate class name or id: '{name}' (id {class_id})")
    return names


def _read_list(
    path: Path, split: str, names: Mapping[int, str], found: dict[Path, tuple[str, FoundImage]]
) -> list[str]:
    """Add the photos of a list to `found`, each with its line, and return notes."""
    repeated = 0
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not UTF-8 text") from error
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}") from error
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        cells = [cell.strip() for cell in line.rsplit(",", 2)]
        if len(cells) != 3 or not cells[1].isdecimal():
            raise UserError(f"{path}, line {number}: must be 'path, fine id, coarse id', got '{line}'")
        class_name = names.get(int(cells[1]))
        if class_name is None:
            raise UserError(f"{path}, line {number}: the class id {cells[1]} is not in classes.csv")
        image, where = FoundImage(path.parent / cells[0], class_name, split), f"line {number} of {path.name}"
        earlier = found.setdefault(image.path, (where, image))
        if earlier[1] != image:
            raise UserError(
                f"{path.parent}: {earlier[0]} and {where} give {image.path} different labels or splits; "
                "keep one of them"
            )
        repeated += earlier[0] != where
    repeats = counted(repeated, f"line of {path.name} repeats", f"lines of {path.name} repeat")
    return [f"{repeats} an earlier one"] if repeated else []
