"""Images in class folders: ``train/[val]/[test]/<class>/**``, or one level of class folders."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from shelfmind.data.assembling import Found, assemble
from shelfmind.data.listing import Listing, list_images, note_others, subfolders
from shelfmind.data.splits import SPLIT_ALIASES
from shelfmind.data.tables import shortened
from shelfmind.errors import UserError
from shelfmind.records import Catalog


@dataclass
class Tree:
    """What a tree of class folders holds: images, the place of each class (also empty ones), notes."""

    found: list[Found] = field(default_factory=list)
    places: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def folder_catalog(root: Path, seed: int = 0, same_names: bool = False) -> Catalog:
    """The catalog of a tree of class folders; a class's name is its folder's name.

    Subfolders of a class belong to it. Without a split of its own the data is split here: see `complete_splits`.
    """
    tree = read_tree(root)
    return assemble(
        tree.found, tree.places, root=root, format="folder", seed=seed, notes=tree.notes, same_names=same_names
    )


def split_folders(root: Path) -> dict[str, Path]:
    """The folders in `root` that hold a split, by split.

    None where all of them hold images and no folders, with other folders beside them: there they are classes.
    """
    folders: dict[str, Path] = {}
    below = subfolders(root)
    for path in below:
        split = SPLIT_ALIASES.get(path.name.lower())
        if split is None:
            continue
        if split in folders:
            raise UserError(f"both {folders[split]} and {path} look like the {split} split; join or rename one")
        folders[split] = path
    classes_beside = len(below) > len(folders)
    if classes_beside and all(not subfolders(path) and _has_images(path) for path in folders.values()):
        return {}
    return folders


def read_tree(root: Path) -> Tree:
    """All images in the class folders of `root`, by split where it has split folders.

    Raises `UserError` if there are images, but none in a class folder.
    """
    splits = split_folders(root)
    tree = Tree()
    outside = Listing()
    parents: list[tuple[str | None, Path]] = [*splits.items()] if splits else [(None, root)]
    for split, parent in parents:
        direct = list_images(parent, recursive=False)
        outside.images.extend(direct.images)
        for class_folder in subfolders(parent):
            listing = list_images(class_folder)
            tree.places.setdefault(class_folder.name, str(class_folder.relative_to(root)))
            tree.found.extend(Found(path, class_folder.name, split) for path in listing.images)
            outside.add_others(listing.others)
    tree.notes = note_others(outside.others)
    beside = [path.name for path in subfolders(root) if path not in splits.values()] if splits else []
    if beside:
        tree.notes.append(f"folders beside {', '.join(splits)} were left out: {shortened(beside)}")
    if outside.images:
        names = shortened(str(path.relative_to(root)) for path in outside.images)
        if not tree.found:
            raise UserError(
                f"the images in {root} lie in no class folder ({names}); put the photos of each product into a folder "
                "with the product's name"
            )
        tree.notes.append(f"{len(outside.images)} images lie outside the class folders and were left out: {names}")
    return tree


def _has_images(path: Path) -> bool:
    return bool(list_images(path, recursive=False).images)
