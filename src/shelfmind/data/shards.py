"""Finds the shards of a data set, and the split that each belongs to."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from shelfmind.data.csv_file import delimiter_of, image_lists
from shelfmind.data.listing import is_hidden, is_image_name, list_images, natural_key, other_files, subfolders
from shelfmind.data.splits import SPLIT_ALIASES
from shelfmind.errors import UserError
from shelfmind.images.archives import ARCHIVE_SUFFIXES, ROW_SUFFIXES, members_of, split_member
from shelfmind.nouns import shortened
from shelfmind.object_stores.objects import fetch_all, is_object, local_copy, objects_below
from shelfmind.progress import Counter
from shelfmind.urls import is_url, shown_url

_BETWEEN_WORDS = re.compile(r"[-_. ]+")
_LEVELS = 1
"""Folders between the data set and its shards: ``data/train-00000.parquet``, ``train/data-00000.arrow``."""


@dataclass(frozen=True, slots=True)
class Shard:
    """One archive of a data set; `split` is None if neither its name nor its folder names one."""

    path: Path
    split: str | None


def find_shards(root: Path, suffixes: Collection[str]) -> list[Shard]:
    """The shards with these suffixes in natural order: `root` itself, or files in it and in its subfolders.

    `root` is a file, a folder, or the URL of either. Raises `UserError` if only some shards name their split.
    """
    shards = [Shard(path, _split_of(path, root)) for path in shard_paths(root, suffixes)]
    without = [each.path.name for each in shards if each.split is None]
    if 0 < len(without) < len(shards):
        raise UserError(
            f"some shards in {shown_url(root)} name their split and others do not ({shortened(without)}); name all of "
            "them like train-000.tar, val-000.tar or test-000.tar, or move the others away"
        )
    return shards


def shard_paths(root: Path, suffixes: Collection[str]) -> list[Path]:
    """The paths of the shards as in `find_shards`."""
    return sorted(_candidates(root, suffixes), key=lambda path: natural_key(str(path)))


def has_only_shards(root: Path, suffixes: Collection[str]) -> bool:
    """Whether there are shards with these suffixes, and neither a list of images nor images outside the shards."""
    if not shard_paths(root, suffixes):
        return False
    if is_url(root):
        return not any(is_image_name(path.name) or _is_list_in(root, path) for path in objects_below(root))
    return not root.is_dir() or not (image_lists(root) or list_images(root).images)


def _is_list_in(root: Path, path: Path) -> bool:
    return path.parent == root and path.suffix == ".csv" and delimiter_of(local_copy(path)) is not None


def photos_at(place: Path) -> Iterator[Path]:
    """The photos in an archive or below a URL; any other path is returned as it is."""
    if is_url(place) and not is_object(place) and split_member(place) is None:
        for path in sorted(objects_below(place), key=lambda path: natural_key(str(path))):
            if is_image_name(path.name) or path.suffix.lower() in ARCHIVE_SUFFIXES:
                yield from photos_at(path)
    elif place.suffix.lower() in ARCHIVE_SUFFIXES and (is_url(place) or place.is_file()):
        names = members_of(place).names
        rows = place.suffix.lower() in ROW_SUFFIXES
        yield from (place / name for name in names if rows or _is_photo(name))
    else:
        yield place


def _is_photo(name: str) -> bool:
    last = name.rpartition("/")[2]
    return is_image_name(last) and not is_hidden(last)


def prepare_shards(root: Path, suffixes: Collection[str], counter: Counter) -> None:
    """Fetch the shards that are in an object store and not cached, and list the members of all shards."""
    paths = [each.path for each in find_shards(root, suffixes)]
    fetch_all(paths, counter)
    progress = counter("listing shards", len(paths), "shards")
    for path in paths:
        members_of(path)
        progress(1)


def shards_root(root: Path, suffixes: Collection[str]) -> Path:
    """The folder that the paths of photos are relative to: `root`, or its folder if it is a shard itself."""
    return root.parent if root.suffix.lower() in suffixes and (is_url(root) or root.is_file()) else root


def _candidates(root: Path, suffixes: Collection[str]) -> Iterator[Path]:
    if is_url(root):
        if root.suffix.lower() in suffixes and is_object(root):
            yield root
            return
        for path in objects_below(root):
            below = path.relative_to(root).parts
            if path.suffix.lower() in suffixes and len(below) <= _LEVELS + 1 and not any(map(is_hidden, below)):
                yield path
    elif root.is_file():
        if root.suffix.lower() in suffixes:
            yield root
    elif root.is_dir():
        yield from _below(root, suffixes, _LEVELS)


def _below(folder: Path, suffixes: Collection[str], levels: int) -> Iterator[Path]:
    for path in other_files(folder):
        if path.suffix.lower() in suffixes:
            yield path
    for below in subfolders(folder) if levels else ():
        yield from _below(below, suffixes, levels - 1)


def _split_of(path: Path, root: Path) -> str | None:
    """The split in the name of a shard, ``train-000.tar`` or ``products_val_3.tar``, or of its folders."""
    below = path.relative_to(root).parts[:-1] if path != root else ()
    for words in (_BETWEEN_WORDS.split(path.stem.lower()), [part.lower() for part in reversed(below)]):
        named = {SPLIT_ALIASES[word] for word in words if word in SPLIT_ALIASES}
        if len(named) == 1:
            return named.pop()
    return None
