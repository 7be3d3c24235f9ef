"""Parquet and Arrow files with a column of photos and one of classes, as Hugging Face `datasets` writes them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from shelfmind.data.assembling import FoundImage, assemble
from shelfmind.data.class_labels import ClassNames, listed_classes, names_in_features, require_distinct
from shelfmind.data.shards import Shard, find_shards, reading, shards_root
from shelfmind.errors import UserError
from shelfmind.images.archives import ROW_SUFFIXES, members_of, row_file
from shelfmind.images.row_files import RowFile
from shelfmind.nouns import counted, shortened
from shelfmind.records import Catalog
from shelfmind.urls import shown_url

CLASS_COLUMNS = ("label", "labels", "class", "class_name", "category", "fine_label", "sku")
_HIDDEN_LABEL = -1
"""What Hugging Face data sets give photos whose label is not published."""


@dataclass
class _Found:
    """What the files contain: photos, the origin of each class, the number of rows with a hidden label, and whether a
    file does not describe its classes itself."""

    images: list[FoundImage] = field(default_factory=list)
    locations: dict[str, str] = field(default_factory=dict)
    hidden: int = 0
    uses_list: bool = False


def parquet_catalog(root: Path, seed: int = 0, same_names: bool = False) -> Catalog:
    """The catalog of Parquet or Arrow files: a folder as downloaded from the Hugging Face Hub or saved by
    ``save_to_disk``, or one file. Needs PyArrow.

    Class names come from the file's own description of its columns, else from `listed_classes`. The name or folder of a
    file gives its split. Raises `UserError` for damaged files, unknown columns and rows without a label.
    """
    shards, notes = find_shards(root, ROW_SUFFIXES)
    if not shards:
        raise UserError(
            "; ".join([f"no Parquet files in {shown_url(root)} (looked for *.parquet and *.arrow)", *notes])
        )
    folder = shards_root(root, ROW_SUFFIXES)
    listed = ClassNames(listed_classes(folder))
    found = _Found()
    for shard in shards:
        with reading(shard.path):
            _read(shard, listed, found)
    for image in found.images:
        found.locations.setdefault(image.class_name, shown_url(image.path))
    if found.hidden:
        notes.append(f"{counted(found.hidden, 'row')} without a published label (-1) skipped")
    if found.uses_list:
        notes += listed.notes
    return assemble(
        found.images,
        found.locations,
        root=folder,
        format="parquet",
        seed=seed,
        notes=notes,
        same_names=same_names,
    )


def _read(shard: Shard, listed: ClassNames, found: _Found) -> None:
    """Add the photos of a shard, whose own class names take precedence over `listed`."""
    file, members = row_file(shard.path), members_of(shard.path)
    column = _class_column(file)
    described, where = names_in_features(file.features, column), f"column '{column}' of {shown_url(shard.path)}"
    require_distinct(described, where)
    found.uses_list |= not described
    names = ClassNames(described) if described else listed
    for name in names.listed:
        found.locations.setdefault(name, where)
    missing: list[str] = []
    for row, (name, label) in enumerate(zip(members.names, file.column(column), strict=True)):
        if label is None:
            missing.append(str(row))
        elif label == _HIDDEN_LABEL:
            found.hidden += 1
        else:
            where = f"row {row:,} of {shown_url(shard.path)}"
            found.images.append(FoundImage(shard.path / name, names.of(label, where), shard.split))
    if missing:
        count = counted(len(missing), "row has", "rows have")
        raise UserError(
            f"{count} no label in the column '{column}' of {shown_url(shard.path)} (row {shortened(missing)}, from 0); "
            "fill them in or leave them out"
        )


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
