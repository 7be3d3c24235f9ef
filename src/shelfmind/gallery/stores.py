"""Locations of galleries: the files in a folder or a bucket, and optionally a search server.

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
from shelfmind.gallery.following import FollowingSearch, GallerySearch, cells_cache
from shelfmind.gallery.gallery import Gallery
from shelfmind.gallery.storage import Files, LocalFiles
from shelfmind.urls import url_parts

_SERVER = re.compile(r"(.*)@([A-Za-z][A-Za-z0-9+.-]*:/{1,2}[^@]*)", re.DOTALL)


@dataclass(frozen=True)
class Place:
    """The location of the files and the search server, if any."""

    files: str
    server: str | None = None


def place_of(where: str | Path) -> Place:
    """Parse a gallery's location."""
    text = os.fspath(where)
    found = _SERVER.fullmatch(text)
    return Place(text) if found is None else Place(found[1], found[2])


def absolute_place(where: str | Path) -> str:
    """Return a location with folders as absolute paths, so that it can be stored."""
    place = place_of(where)
    files = place.files if url_parts(place.files)[0] is not None else os.path.abspath(os.path.expanduser(place.files))
    return files if place.server is None else f"{files}@{place.server}"


def open_files(where: str | Path) -> Files:
    """Open the files of a gallery, which need not exist yet.

    Raises:
        UserError: unknown scheme, missing package, or a server's URI without a location of the files.
    """
    place = place_of(where)
    scheme, rest = url_parts(place.files)
    if not os.fspath(where):
        raise UserError(f"a gallery needs a location for its files: a folder, or {_listed(STORES)}")
    if not place.files or scheme in SERVERS:
        raise UserError(f"{where} is only a search server; put the files' location before it, as in products@{where}")
    if scheme is None:
        return LocalFiles(Path(place.files).expanduser())
    if scheme not in STORES:
        raise UserError(f"a gallery cannot store files at {scheme}://; known: {_listed(STORES)}, or a folder")
    return STORES[scheme](rest)


def open_search(gallery: Gallery, where: str | Path) -> FollowingSearch:
    """Open the search of a gallery: in this process, or on the server in `where`.

    Raises:
        UserError: the server is unknown or does not respond, a package is missing, or the gallery is damaged.
    """
    server = place_of(where).server
    if server is None:
        return GallerySearch(gallery, cells_cache(gallery))
    scheme, rest = url_parts(server)
    if scheme not in SERVERS:
        raise UserError(f"{scheme}:// is not a search server; known: {_listed(SERVERS)}")
    return SERVERS[scheme](gallery, rest)


def _bucket(place: str) -> Files:
    from shelfmind.gallery.object_store import BucketFiles

    return BucketFiles(place)


def _milvus(gallery: Gallery, place: str) -> FollowingSearch:
    from shelfmind.gallery.milvus import MilvusSearch

    return MilvusSearch(gallery, place)


STORES: dict[str, Callable[[str], Files]] = {"s3": _bucket}
"""File stores by scheme. A location without a scheme is a folder."""
SERVERS: dict[str, Callable[[Gallery, str], FollowingSearch]] = {"milvus": _milvus}
"""Search servers by scheme."""


def _listed(schemes: Iterable[str]) -> str:
    return ", ".join(f"{scheme}://" for scheme in schemes)
