"""Finds the shards of a data set, and the split that each belongs to."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from shelfmind.data.csv_file import delimiter_of, image_lists
from shelfmind.data.listing import folders_below, is_hidden, is_image_name, natural_key
from shelfmind.data.saved_data import kept_results, note_results
from shelfmind.data.splits import SPLIT_ALIASES, relative_name
from shelfmind.errors import UserError
from shelfmind.files import reason
from shelfmind.images.archives import ARCHIVE_SUFFIXES, ROW_SUFFIXES, members_of, split_member
from shelfmind.images.verified_files import require_intact
from shelfmind.machine.checksum_lists import CHECKSUMS, checksums_in, listed_checksum
from shelfmind.nouns import counted, shortened
from shelfmind.object_stores.objects import fetch_all, is_object, local_copy, objects_below
from shelfmind.progress import Counter
from shelfmind.urls import is_url, shown_url

_BETWEEN_WORDS = re.compile(r"[-_. ]+")


@dataclass(frozen=True, slots=True)
class Shard:
    """One archive of a data set; `split` is None if neither its name nor its folder names one."""

    path: Path
    split: str | None


def find_shards(root: Path, suffixes: Collection[str]) -> tuple[list[Shard], list[str]]:
    """The shards with these suffixes in natural order, `root` itself or all files below it, and notes on skipped ones.

    `root` is a file, a folder, or the URL of either; `kept_results` are skipped. Shards that are not among the listed
    checksums of the others are noted. Raises `UserError` if only some shards name their split.
    """
    paths, skipped = _used(root, suffixes)
    shards = [Shard(path, _split_of(path, root)) for path in paths]
    without = [relative_name(each.path, root) for each in shards if each.split is None]
    if 0 < len(without) < len(shards):
        raise UserError(
            f"some shards in {shown_url(root)} name their split and others do not ({shortened(without)}); name all of "
            "them like train-000.tar, val-000.tar or test-000.tar, or move the others away"
        )
    return shards, [*note_results(skipped, root), *note_unlisted(paths, root)]


def shard_paths(root: Path, suffixes: Collection[str]) -> list[Path]:
    """The paths of the shards as in `find_shards`."""
    return _used(root, suffixes)[0]


def has_only_shards(root: Path, suffixes: Collection[str]) -> bool:
    """Whether there are shards with these suffixes, and neither a list of images nor images outside the shards."""
    if not is_url(root) and root.is_dir():
        found = False
        for images, others in folders_below(root):
            if images:
                return False
            found = found or any(path.suffix.lower() in suffixes for path in others)
        return found and not image_lists(root)
    if not _with_suffix(_files_at(root), suffixes):
        return False
    return not is_url(root) or not any(
        is_image_name(path.name) or _is_list_in(root, path) for path in objects_below(root)
    )


def _is_list_in(root: Path, path: Path) -> bool:
    return path.parent == root and path.suffix.lower() == ".csv" and delimiter_of(local_copy(path)) is not None


def photos_at(place: Path) -> Iterator[Path]:
    """The photos in an archive or below a URL; any other path is returned as it is."""
    if is_url(place) and not is_object(place) and split_member(place) is None:
        objects = objects_below(place)
        for path in sorted(frozenset(objects).difference(kept_results(objects, objects)), key=_in_natural_order):
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
    """Fetch the shards that are in an object store and not cached, verify those with a checksum, and list the members
    of all shards.

    Raises `UserError` if one is damaged, cannot be read, or has a checksum and is missing.
    """
    paths = shard_paths(root, suffixes)
    _require_listed(root, suffixes, paths)
    try:
        fetch_all(paths, counter)
    except FileNotFoundError as error:
        raise UserError(
            f"a shard in {shown_url(root)} cannot be read: it was deleted meanwhile; run the command again"
        ) from error
    require_intact(paths, counter)
    progress = counter("listing shards", len(paths), "shards")
    for path in paths:
        with reading(path):
            members_of(path)
        progress(1)


def note_unlisted(shards: Sequence[Path], root: Path) -> list[str]:
    """A note on shards without a checksum, if others have one; empty if all or none have."""
    unlisted = [path for path in shards if not is_url(path) and listed_checksum(path) is None]
    if not 0 < len(unlisted) < len(shards):
        return []
    what = counted(len(unlisted), "shard is", "shards are")
    names = shortened((relative_name(path, root) for path in unlisted), 3)
    return [f"{what} not listed in {CHECKSUMS} and therefore not verified: {names}"]


@contextmanager
def reading(shard: Path) -> Iterator[None]:
    """Raise `UserError` if the shard cannot be read, such as a link that leads nowhere or a file that was deleted
    meanwhile; a missing permission is left to the caller."""
    try:
        yield
    except PermissionError:
        raise
    except OSError as error:
        remedy = "copy the file that it links to, or remove the link" if shard.is_symlink() else "copy it again"
        raise UserError(f"{shown_url(shard)} cannot be read: {reason(error)}; {remedy}") from error


def shards_root(root: Path, suffixes: Collection[str]) -> Path:
    """The folder that the paths of photos are relative to: `root`, or its folder if it is a shard itself."""
    return root.parent if root.suffix.lower() in suffixes and (is_url(root) or root.is_file()) else root


def _used(root: Path, suffixes: Collection[str]) -> tuple[list[Path], list[Path]]:
    """The shards at `root`, and the files with the same suffixes that are no data, both in natural order."""
    files = _files_at(root)
    found = _with_suffix(files, suffixes)
    left_out = frozenset(() if root in files else kept_results(found, files))
    return [path for path in found if path not in left_out], [path for path in found if path in left_out]


def _files_at(root: Path) -> list[Path]:
    """`root` itself if it is a file, or all files below it that are not hidden."""
    if is_url(root):
        if root.suffix.lower() in ARCHIVE_SUFFIXES and is_object(root):
            return [root]
        return [path for path in objects_below(root) if not any(map(is_hidden, path.relative_to(root).parts))]
    if root.is_dir():
        return [path for _, others in folders_below(root) for path in others]
    return [root] if root.is_file() else []


def _require_listed(root: Path, suffixes: Collection[str], shards: Sequence[Path]) -> None:
    """Raise `UserError` if shards are missing that a list of checksums in `root` or above a shard has."""
    if is_url(root) or not root.is_dir():
        return
    folders = {root, *(folder for each in shards for folder in each.parents if folder.is_relative_to(root))}
    listed = {folder / name for folder in folders for name in checksums_in(folder)}
    missing = [path for path in _with_suffix(listed, suffixes) if not os.path.lexists(path)]
    if missing:
        what = counted(len(missing), "shard is missing", "shards are missing")
        names = shortened(relative_name(path, root) for path in missing)
        raise UserError(
            f"{what} in {root}, although listed in {CHECKSUMS}: {names}; copy the data set again, or, to do without "
            "them, remove their lines from the list"
        )


def _with_suffix(files: Iterable[Path], suffixes: Collection[str]) -> list[Path]:
    return sorted((path for path in files if path.suffix.lower() in suffixes), key=_in_natural_order)


def _in_natural_order(path: Path) -> tuple[list[str | int], str]:
    return natural_key(str(path))


def _split_of(path: Path, root: Path) -> str | None:
    """The split in the name of a shard, ``train-000.tar`` or ``products_val_3.tar``, or of its folders."""
    below = path.relative_to(root).parts[:-1] if path != root else ()
    for words in (_BETWEEN_WORDS.split(path.stem.lower()), [part.lower() for part in reversed(below)]):
        named = {SPLIT_ALIASES[word] for word in words if word in SPLIT_ALIASES}
        if len(named) == 1:
            return named.pop()
    return None
