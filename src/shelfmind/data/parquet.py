"""Parquet and Arrow files with a column of photos and one of classes, as Hugging Face `datasets` writes them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from shelfmind.data.assembling import FoundImage, assemble
from shelfmind.data.class_labels import ClassNames, listed_classes, names_in_features
from shelfmind.data.shards import Shard, find_shards, shards_root
from shelfmind.errors import UserError
from shelfmind.images.archives import ROW_SUFFIXES, members_of, row_file
from shelfmind.images.row_files import RowFile
from shelfmind.nouns import counted, shortened
from shelfmind.records import Catalog
from shelfmind.urls import shown_url

CLASS_COLUMNS = ("label", "labels", "class", "class_name", "category", "fine_label", "sku")
_HIDDEN_LABEL = -1
"""What Hugging Face data sets give photos whose label is not published."""


def parquet_catalog(root: Path, seed: int = 0, same_names: bool = False) -> Catalog:
    """The catalog of Parquet or Arrow files: a folder as downloaded from the Hugging Face Hub or saved by
    ``save_to_disk``, or one file. Needs PyArrow.

    Class names come from the file's own description of its columns, else from `listed_classes`. The name or folder of a
    file gives its split. Raises `UserError` for damaged files, unknown columns and rows without a label.
    """
    shards = find_shards(root, ROW_SUFFIXES)
    if not shards:
        raise UserError(f"no Parquet files in {shown_url(root)} (looked for *.parquet and *.arrow)")
    folder = shards_root(root, ROW_SUFFIXES)
    listed = listed_classes(folder)
    found: list[FoundImage] = []
    locations: dict[str, str] = {}
    hidden = 0
    for shard in shards:
        hidden += _read(shard, listed, found, locations)
    for image in found:
        locations.setdefault(image.class_name, shown_url(image.path))
    notes = [f"{counted(hidden, 'row')} without a published label (-1) skipped"] if hidden else []
    return assemble(found, locations, root=folder, format="parquet", seed=seed, notes=notes, same_names=same_names)


def _read(shard: Shard, listed: Sequence[str], found: list[FoundImage], locations: dict[str, str]) -> int:
    """Add the photos of a shard, and return the number of rows with a hidden label."""
    file, members = row_file(shard.path), members_of(shard.path)
    column = _class_column(file)
    names = ClassNames(names_in_features(file.features, column) or listed)
    for name in names.listed:
        locations.setdefault(name, f"column '{column}' of {shown_url(shard.path)}")
    hidden = 0
    missing: list[str] = []
    for row, (name, label) in enumerate(zip(members.names, file.column(column), strict=True)):
        if label is None:
            missing.append(str(row))
        elif label == _HIDDEN_LABEL:
            hidden += 1
        else:
            where = f"row {row:,} of {shown_url(shard.path)}"
            found.append(FoundImage(shard.path / name, names.of(label, where), shard.split))
    if missing:
        count = counted(len(missing), "row has", "rows have")
        raise UserError(
            f"{count} no label in the column '{column}' of {shown_url(shard.path)} (row {shortened(missing)}, from 0); "
            "fill them in or leave them out"
        )
    return hidden


def _class_column(file: RowFile) -> str:
    """The column of classes. Raises `UserError` if there is none, or several are possible."""
    names = [name for name in file.schema.names if name != file.image_column]
    marked = [name for name in names if names_in_features(file.features, name)]
    known = [name for name in CLASS_COLUMNS if name in names]
    chosen = [name for name in CLASS_COLUMNS if name in marked][:1] or marked or known[:1]
    if len(chosen) == 1:
        return chosen[0]
    what = f"several class columns ({shortened(chosen)})" if chosen else "no class column"
    raise UserError(
        f"{file.shown} has {what}; name the column of classes 'label' "
        f"(looked for {', '.join(CLASS_COLUMNS)}; columns: {shortened(file.schema.names, 10)})"
    )
