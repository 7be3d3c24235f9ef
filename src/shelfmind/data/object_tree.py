"""Data sets of single photos in an object store, read by the sources for folders and lists."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from shelfmind.errors import UserError
from shelfmind.files import cache_folder, reason, scratch_in_cache
from shelfmind.object_stores.objects import fetching, is_object, objects_below, open_copy
from shelfmind.records import Catalog
from shelfmind.urls import shown_url

_LISTS = (".csv", ".txt")
_DEEPEST_LIST = 2
"""Lists are in the data set's folder, or in a folder of it such as RP2K's `all`."""


def catalog_of_objects(root: Path, read: Callable[[Path], Catalog]) -> Catalog:
    """The catalog that `read` finds in a folder with the names of the objects at the URL `root`, with their URLs.

    Raises `UserError` if there are none.
    """
    with _outline(root) as (folder, start):
        above = root.parent if start != folder else root

        def named(text: str) -> str:
            return text.replace(os.fspath(folder), shown_url(above))

        try:
            catalog = read(start)
        except UserError as error:
            raise type(error)(named(error.message)) from error
        inside = os.path.join(folder, "")
        samples = tuple(
            replace(each, path=above / os.fspath(each.path)[len(inside) :])
            if os.fspath(each.path).startswith(inside)
            else each  # a list with URLs
            for each in catalog.samples
        )
        return replace(catalog, samples=samples, root=above, notes=tuple(map(named, catalog.notes)))


@contextmanager
def _outline(root: Path) -> Iterator[tuple[Path, Path]]:
    """A temporary folder with an empty file for each object and copies of the lists, and the path of `root` in it."""
    single = is_object(root)
    objects = [root] if single else objects_below(root)
    if not objects:
        raise UserError(
            f"there is nothing at {shown_url(root)}; check the spelling of the bucket and the folder, upper and lower "
            "case matter"
        )
    above = root.parent if single else root
    with ExitStack() as stack:
        try:
            folder = stack.enter_context(scratch_in_cache())
        except OSError as error:
            raise UserError(
                f"{cache_folder()} cannot be written: {reason(error)}; set SHELFMIND_CACHE to another folder"
            ) from error
        with fetching([path for path in objects if _is_list(path.relative_to(above))]):
            for path in objects:
                _draw(path, path.relative_to(above), folder)
        yield folder, folder / root.name if single else folder


def _draw(path: Path, below: Path, folder: Path) -> None:
    """Add an object to the outline."""
    target = folder / below
    try:
        if ".." in below.parts:
            raise OSError("its name leaves the folder")
        target.parent.mkdir(parents=True, exist_ok=True)
        if _is_list(below):
            with open_copy(path) as source, open(target, "wb") as copy:
                shutil.copyfileobj(source, copy)
        else:
            target.touch()
    except OSError as error:  # also an object that is at the same time a folder of others, which no file system allows
        raise UserError(
            f"{shown_url(path)} cannot be listed as a file ({reason(error)}); rename or delete it, or set "
            "SHELFMIND_CACHE to a folder with more space"
        ) from error


def _is_list(below: Path) -> bool:
    return below.suffix.lower() in _LISTS and len(below.parts) <= _DEEPEST_LIST
