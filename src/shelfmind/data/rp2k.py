"""RP2K: ``all/{train,test}/<class>/*.jpg|*.png``, with or without the mirror's ``meta.csv`` (arXiv 2006.12634)."""

from __future__ import annotations

import unicodedata
from pathlib import Path, PurePosixPath

from shelfmind.data.assembling import FoundImage, assemble
from shelfmind.data.folder import Tree, read_tree
from shelfmind.data.splits import SPLIT_ALIASES
from shelfmind.errors import UserError
from shelfmind.nouns import counted, shortened
from shelfmind.records import Catalog
from shelfmind.tables import read_table

VAL_FRACTION = 0.05
META_COLUMNS = frozenset({"instance_id", "image_path"})


def rp2k_catalog(root: Path, seed: int = 0, same_names: bool = False) -> Catalog:
    """The catalog of RP2K; `root` is the folder `all` or its parent. 5% of train becomes val.

    Class names are the folder names on disk. With a ``meta.csv``, the images are its rows (label and split from the
    folders in the row's path) and every other image on disk, so that none is lost. A row without a file is kept, and
    the check reports it as missing.
    """
    images = image_root(root)
    if images is None:
        raise UserError(f"{root} is not RP2K: it contains neither all/train and all/test nor train and test")
    tree = read_tree(images)
    meta = meta_file(root)
    if meta is not None:
        _add_rows(tree, meta, images)
    return assemble(
        tree.found,
        tree.locations,
        root=root,
        format="rp2k",
        seed=seed,
        notes=tree.notes,
        val_fraction=VAL_FRACTION,
        same_names=same_names,
    )


def is_rp2k(root: Path) -> bool:
    """Whether there is a folder `all` with train or test, or the mirror's ``meta.csv`` next to them."""
    images = image_root(root)
    if images is None or images.name == "all":
        return images is not None
    meta = meta_file(root)
    rows = [] if meta is None else read_table(meta)
    return bool(rows) and is_mirror_header(rows[0][1])


def image_root(root: Path) -> Path | None:
    """The folder that contains RP2K's train and test: `root`, or `all` in it."""
    for candidate in (root / "all", root):
        if (candidate / "train").is_dir() or (candidate / "test").is_dir():
            return candidate
    return None


def meta_file(root: Path) -> Path | None:
    """The mirror's ``meta.csv``: in `root`, in `all`, or next to `root` if `root` is `all`."""
    folders = [root, root / "all", *([root.parent] if root.name == "all" else [])]
    return next((folder / "meta.csv" for folder in folders if (folder / "meta.csv").is_file()), None)


def is_mirror_header(cells: list[str]) -> bool:
    """Whether these cells are the header of the mirror's ``meta.csv``."""
    return META_COLUMNS.issubset(cell.lower() for cell in cells)


def _add_rows(tree: Tree, meta: Path, images: Path) -> None:
    """Add the rows' images that the tree lacks; names that differ only in Unicode composition of accents are equal."""
    rows = read_table(meta)
    if not rows or not is_mirror_header(rows[0][1]):
        tree.notes.append(f"{meta} was ignored: its columns are not {', '.join(sorted(META_COLUMNS))}")
        return
    column = [cell.lower() for cell in rows[0][1]].index("image_path")
    on_disk = {_composed(item.path.relative_to(images).as_posix()) for item in tree.found}
    class_names = {_composed(name): name for name in tree.locations}
    listed: set[str] = set()
    without_file: list[str] = []
    for line, row in rows[1:]:
        if len(row) <= column:
            raise UserError(f"{meta}, line {line}: image_path is empty")
        split, class_name, below = _parsed_path(row[column], meta, line)
        name = _composed(below)
        if name not in on_disk and name not in listed:
            class_name = class_names.setdefault(_composed(class_name), class_name)
            tree.locations.setdefault(class_name, f"{meta}, line {line}")
            tree.found.append(FoundImage(images / below, class_name, split))
            if not (images / below).exists():
                without_file.append(row[column])
        listed.add(name)
    if without_file:
        tree.notes.append(
            f"{counted(len(without_file), 'row')} of {meta.name} without a file: {shortened(without_file)}"
        )
    unlisted = len(on_disk - listed)
    if unlisted:
        tree.notes.append(f"{counted(unlisted, 'image')} on disk but not in {meta.name}, used too")


def _parsed_path(image_path: str, meta: Path, line: int) -> tuple[str, str, str]:
    """The split, the class and the path below the image folder of ``all/train/<class>/x.jpg``."""
    parts = PurePosixPath(image_path.replace("\\", "/")).parts
    for position, part in enumerate(parts[:-2]):
        split = SPLIT_ALIASES.get(part.lower())
        if split is not None:
            return split, parts[position + 1], "/".join(parts[position:])
    raise UserError(f"{meta}, line {line}: image_path must have the form all/train/<class>/<image>, got '{image_path}'")


def _composed(text: str) -> str:
    return unicodedata.normalize("NFC", text)
