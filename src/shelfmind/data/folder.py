"""Images in class folders: ``train/[val]/[test]/<class>/**``, or one level of class folders."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from shelfmind.data.assembling import FoundImage, assemble
from shelfmind.data.csv_file import image_lists
from shelfmind.data.listing import Listing, list_images, note_links, note_others, subfolders
from shelfmind.data.splits import SPLIT_ALIASES
from shelfmind.errors import UserError
from shelfmind.nouns import counted, shortened
from shelfmind.records import Catalog


@dataclass
class Tree:
    """The contents of a tree of class folders: images, where each class was found (including empty ones), notes."""

    found: list[FoundImage] = field(default_factory=list)
    locations: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def folder_catalog(root: Path, seed: int = 0, same_names: bool = False) -> Catalog:
    """The catalog of a tree of class folders; the folder's name is the class name.

    Images in subfolders of a class folder belong to that class. Data without split folders is split at random: see
    `complete_splits`.
    """
    tree = read_tree(root)
    return assemble(
        tree.found, tree.locations, root=root, format="folder", seed=seed, notes=tree.notes, same_names=same_names
    )


def split_folders(root: Path) -> dict[str, Path]:
    """The split folders in `root`, by split.

    Empty if all of them contain only images and there are other folders next to them: then they are classes.
    """
    folders: dict[str, Path] = {}
    below = subfolders(root)
    for path in below:
        split = SPLIT_ALIASES.get(path.name.lower())
        if split is None:
            continue
        if split in folders:
            raise UserError(f"{folders[split]} and {path} both look like the {split} split; merge them or rename one")
        folders[split] = path
    classes_beside = len(below) > len(folders)
    if classes_beside and all(not subfolders(path) and _has_images(path) for path in folders.values()):
        return {}
    return folders


def has_class_folders(root: Path) -> bool:
    """Whether there are split folders, or images in `root` or its subfolders. A list with at most one folder next to it
    is not a tree."""
    if not root.is_dir():
        return False
    if split_folders(root):
        return True
    folders = subfolders(root)
    if image_lists(root) and len(folders) < 2:
        return False
    return bool(list_images(root, recursive=False).images) or any(list_images(path).images for path in folders)


def read_tree(root: Path) -> Tree:
    """All images in the class folders of `root`, by split if it has split folders.

    Raises `UserError` if there are images, but none in a class folder.
    """
    splits = split_folders(root)
    tree = Tree()
    left = Listing()
    joined: dict[str, dict[str, None]] = {}
    if splits:
        left.add(_links_in(root, root))
    parents: list[tuple[str | None, Path]] = [*splits.items()] if splits else [(None, root)]
    for split, parent in parents:
        direct = _links_in(parent, root)
        left.add(direct)
        left.images.extend(direct.images)
        for class_folder in subfolders(parent):
            listing = list_images(class_folder, root=root)
            tree.locations.setdefault(class_folder.name, str(class_folder.relative_to(root)))
            tree.found.extend(FoundImage(path, class_folder.name, split) for path in listing.images)
            left.add(listing)
            if len(listing.folders) > 1:
                below = (str(path.relative_to(class_folder)) for path in listing.folders if path != class_folder)
                joined.setdefault(class_folder.name, {}).update(dict.fromkeys(below))
    tree.notes = [*note_others(left.others), *_note_joined(joined), *note_links(left, root)]
    others = [path.name for path in subfolders(root) if path not in splits.values()] if splits else []
    if others:
        tree.notes.append(f"folders next to {', '.join(splits)} were skipped: {shortened(others)}")
    if left.images:
        names = shortened(str(path.relative_to(root)) for path in left.images)
        if not tree.found:
            raise UserError(
                f"the images in {root} are not in class folders ({names}); put the photos of each product into a "
                "folder named after the product"
            )
        outside = counted(len(left.images), "image is", "images are")
        tree.notes.append(f"{outside} outside the class folders and skipped: {names}")
    return tree


def _links_in(folder: Path, root: Path) -> Listing:
    """The direct contents of a folder of class folders; files that are not images are ignored there."""
    listing = list_images(folder, recursive=False, root=root)
    listing.others.clear()
    return listing


def _note_joined(joined: Mapping[str, Iterable[str]]) -> list[str]:
    """A note on classes whose images are in several subfolders, each of which may have been meant as a class."""
    if not joined:
        return []
    names = shortened(f"{name} ({shortened(below)})" for name, below in joined.items())
    return [
        f"images in subfolders were merged into one class: {names}; "
        "if each subfolder is a product, move it up to be a class folder"
    ]


def _has_images(path: Path) -> bool:
    return bool(list_images(path, recursive=False).images)
