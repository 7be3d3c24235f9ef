"""Where a gallery is, as people write it: its files in a folder or a bucket, and perhaps a server that searches.

``products`` and ``/data/products`` are folders, ``s3://BUCKET/PREFIX`` is a bucket; a server's URI may follow either
after an ``@``: ``s3://BUCKET/PREFIX@milvus://HOST:PORT/COLLECTION``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from shelfmind.errors import UserError
from shelfmind.gallery.following import FollowingSearch, GallerySearch, kept_cells
from shelfmind.gallery.gallery import Gallery
from shelfmind.gallery.storage import Files, LocalFiles

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):/{1,2}(.*)", re.DOTALL)
_SERVER = re.compile(r"(.*)@([A-Za-z][A-Za-z0-9+.-]*:/{1,2}[^@]*)", re.DOTALL)


@dataclass(frozen=True)
class Place:
    """Where the files are, and which server searches, if one does."""

    files: str
    server: str | None = None


def place_of(where: str | Path) -> Place:
    """The parts of what people write."""
    text = os.fspath(where)
    found = _SERVER.fullmatch(text)
    return Place(text) if found is None else Place(found[1], found[2])


def absolute_place(where: str | Path) -> str:
    """What people write, with a folder as its absolute path, so that it can be kept."""
    place = place_of(where)
    files = place.files if _parts(place.files)[0] is not None else os.path.abspath(os.path.expanduser(place.files))
    return files if place.server is None else f"{files}@{place.server}"


def open_files(where: str | Path) -> Files:
    """The files of a gallery, whether there are any or not.

    Raises:
        UserError: a scheme that is not known, a package that it needs, a server's URI without a place for files.
    """
    place = place_of(where)
    scheme, rest = _parts(place.files)
    if not os.fspath(where):
        raise UserError(f"a gallery's files need a place: a folder, or {_listed(STORES)}")
    if not place.files or scheme in SERVERS:
        raise UserError(f"{where} says only who searches; put where the files are before it, as in products@{where}")
    if scheme is None:
        return LocalFiles(Path(place.files).expanduser())
    if scheme not in STORES:
        raise UserError(f"a gallery's files cannot be at {scheme}://; known: {_listed(STORES)}, or a folder")
    return STORES[scheme](rest)


def open_search(gallery: Gallery, where: str | Path) -> FollowingSearch:
    """What finds products of a gallery: in this process, or by the server that `where` names.

    Raises:
        UserError: a server that is not known or does not answer, a package that it needs, a damaged gallery.
    """
    server = place_of(where).server
    if server is None:
        return GallerySearch(gallery, kept_cells(gallery))
    scheme, rest = _parts(server)
    if scheme not in SERVERS:
        raise UserError(f"no server of {scheme}:// can search; known: {_listed(SERVERS)}")
    return SERVERS[scheme](gallery, rest)


def _bucket(place: str) -> Files:
    from shelfmind.gallery.object_store import BucketFiles

    return BucketFiles(place)


def _milvus(gallery: Gallery, place: str) -> FollowingSearch:
    from shelfmind.gallery.milvus import MilvusSearch

    return MilvusSearch(gallery, place)


STORES: dict[str, Callable[[str], Files]] = {"s3": _bucket}
"""Places of files by their schemes; what has none is a folder."""
SERVERS: dict[str, Callable[[Gallery, str], FollowingSearch]] = {"milvus": _milvus}
"""Servers that search, by their schemes."""


def _parts(uri: str) -> tuple[str | None, str]:
    """A URI's scheme and the rest; a folder has no scheme. A path object leaves one slash of two."""
    found = _SCHEME.fullmatch(uri)
    return (None, uri) if found is None else (found[1].lower(), found[2])


def _listed(schemes: Iterable[str]) -> str:
    return ", ".join(f"{scheme}://" for scheme in schemes)
