"""The pictures of the page: small JPEGs of images of the data set, and of no other files."""

from __future__ import annotations

import hashlib
import io
import os
import threading
from collections import OrderedDict
from functools import cached_property
from pathlib import Path

from PIL import Image

from shelfmind.data import open_catalog
from shelfmind.data.listing import is_image_name
from shelfmind.errors import UserError
from shelfmind.images.decoding import BadImage, open_image
from shelfmind.images.photo_files import file_status, full_name
from shelfmind.machine.cores import available_cores
from shelfmind.records import Catalog
from shelfmind.urls import is_url

EDGES = {"small": 320, "medium": 720, "large": 1800}
"""The longer side of each picture size in pixels. Images are never enlarged."""
_KEPT_BYTES = 64 * 2**20


class NoPicture(Exception):  # noqa: N818 - a descriptive name, as UserError
    """There is no picture: the file is missing, is not an image, or does not belong to the data set."""


class PictureCache:
    """A bounded in-memory cache of rendered pictures, which keeps the most recent ones. Thread-safe."""

    def __init__(self) -> None:
        self.contents: OrderedDict[str, bytes] = OrderedDict()
        self._lock = threading.Lock()
        self._decoding = threading.BoundedSemaphore(available_cores())  # limits memory as well as CPU

    def picture(self, identity: str, source: Path | bytes, size: str) -> tuple[bytes, str]:
        """Return a picture of a file, or of its content, as JPEG, and its ETag, which changes with `identity`.

        Raises `NoPicture`.
        """
        tag = f'"{hashlib.sha256(os.fsencode(f"{identity}|{EDGES[size]}")).hexdigest()[:32]}"'
        with self._lock:
            if tag in self.contents:
                self.contents.move_to_end(tag)
                return self.contents[tag], tag
        with self._decoding:
            content = _encoded(source, EDGES[size])
        with self._lock:
            self.contents[tag] = content
            while sum(map(len, self.contents.values())) > _KEPT_BYTES:
                self.contents.popitem(last=False)
        return content, tag

    def of_file(self, file: Path, size: str) -> tuple[bytes, str]:
        """As `picture`, for a file. The ETag changes with the file."""
        try:
            status = file_status(file)
        except OSError as error:
            raise NoPicture(str(file)) from error
        return self.picture(f"{file}|{status.size}|{status.mtime_ns}", file, size)


class Pictures:
    """Renders images of the data set at `root`, with a cache of recent ones. Thread-safe."""

    def __init__(self, root: Path, format: str) -> None:
        self._root, self._format = root, format
        self._base = root if root.is_dir() else root.parent
        self._real_root = os.path.realpath(self._base)
        self._kept = PictureCache()

    def locate(self, path: str) -> Path:
        """Return the file of an image, given as in the suspects. Raises `NoPicture` unless it is in the data set.

        It is in the data set if it lies below the root, with all links and ``..`` resolved, or if the data set's
        catalog lists it: a list may contain other images, and a data set may consist of links.
        """
        if is_url(path) or is_url(self._root):
            base = self._root if self._catalog is None else self._catalog.root
            return self._listed_file(os.fspath(Path(path) if is_url(path) else base / path))
        try:
            candidate = os.path.join(self._base, path)
            if not is_image_name(candidate):
                raise NoPicture(path)
            real = os.path.realpath(candidate)
            if os.path.commonpath([real, self._real_root]) == self._real_root:
                return Path(real)
        except ValueError as error:  # a NUL character, another drive
            raise NoPicture(path) from error
        return self._listed_file(os.path.abspath(candidate))

    def _listed_file(self, name: str) -> Path:
        listed = self._listed.get(name)
        if listed is None:
            raise NoPicture(name)
        return listed

    def render(self, path: str, size: str) -> tuple[bytes, str]:
        """Return a picture as JPEG, and its ETag, which changes with the file. Raises `NoPicture`."""
        return self._kept.of_file(self.locate(path), size)

    @cached_property
    def _catalog(self) -> Catalog | None:
        try:
            return open_catalog(self._root, self._format, same_names=True)
        except UserError:
            return None

    @cached_property
    def _listed(self) -> dict[str, Path]:
        samples = () if self._catalog is None else self._catalog.samples
        return {full_name(sample.path): sample.path for sample in samples}


def _encoded(file: Path | bytes, edge: int) -> bytes:
    try:
        image = open_image(file, draft_size=(edge, edge))
    except BadImage as error:
        raise NoPicture(error.reason) from error
    image.thumbnail((edge, edge), Image.Resampling.LANCZOS, reducing_gap=2.0)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=85)
    return buffer.getvalue()
