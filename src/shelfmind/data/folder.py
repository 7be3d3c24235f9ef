"""Images in class folders: ``train/[val]/[test]/<class>/**``, or one level of class folders."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from shelfmind.data.assembling import Found, assemble
from shelfmind.data.csv_file import image_lists
from shelfmind.data.listing import Listing, list_images, note_links, note_others, subfolders
from shelfmind.data.splits import SPLIT_ALIASES
from shelfmind.errors import UserError
from shelfmind.nouns import counted, shortened
from shelfmind.records import Catalog


@dataclass
class Tree:
    """What a tree of class folders holds: images, where each class was found (also empty ones), notes."""

    found: list[Found] = field(default_factory=list)
    locations: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def folder_catalog(root: Path, seed: int = 0, same_names: bool = False) -> Catalog:
    """The catalog of a tree of class folders; a class's name is its folder's name.

    Subfolders of a class belong to it. Without a split of its own the data is split here: see `complete_splits`.
    """
    tree = read_tree(root)
    return assemble(
        tree.found, tree.locations, root=root, format="folder", seed=seed, notes=tree.notes, same_names=same_names
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


def has_class_folders(root: Path) -> bool:
    """Whether there are split folders, or any folder with an image in it; the photos of a list lie in one folder."""
    if not root.is_dir():
        return False
    if split_folders(root):
        return True
    folders = subfolders(root)
    if image_lists(root) and len(folders) < 2:
        return False
    return bool(list_images(root, recursive=False).images) or any(list_images(path).images for path in folders)


def read_tree(root: Path) -> Tree:
    """All images in the class folders of `root`, by split where it has split folders.

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
            tree.found.extend(Found(path, class_folder.name, split) for path in listing.images)
            left.add(listing)
            if len(listing.folders) > 1:
                below = (str(path.relative_to(class_folder)) for path in listing.folders if path != class_folder)
                joined.setdefault(class_folder.name, {}).update(dict.fromkeys(below))
    tree.notes = [*note_others(left.others), *_note_joined(joined), *note_links(left, root)]
    beside = [path.name for path in subfolders(root) if path not in splits.values()] if splits else []
    if beside:
        tree.notes.append(f"folders beside {', '.join(splits)} were left out: {shortened(beside)}")
    if left.images:
        names = shortened(str(path.relative_to(root)) for path in left.images)
        if not tree.found:
            raise UserError(
                f"the images in {root} lie in no class folder ({names}); put the photos of each product into a folder "
                "with the product's name"
            )
        outsiders = counted(len(left.images), "image lies", "images lie")
        tree.notes.append(f"left out, because {outsiders} outside the class folders: {names}")
    return tree


def _links_in(folder: Path, root: Path) -> Listing:
    """What lies directly in a folder that holds class folders; files that are no images are no matter there."""
    listing = list_images(folder, recursive=False, root=root)
    listing.others.clear()
    return listing


def _note_joined(joined: Mapping[str, Iterable[str]]) -> list[str]:
    """A note on classes whose images lie in several folders, which may have been meant as classes of their own."""
    if not joined:
        return []
    names = shortened(f"{name} ({shortened(below)})" for name, below in joined.items())
    return [
        f"the images in subfolders were joined into one class: {names}; "
        "if the subfolders are products, make each a class folder of its own"
    ]


def _has_images(path: Path) -> bool:
    return bool(list_images(path, recursive=False).images)
