"""The pictures of a discovery's review: photos of its groups and of the gallery, and no other files."""

from __future__ import annotations

from pathlib import Path

from shelfmind.errors import UserError
from shelfmind.gallery.discovery_folder import Discovery
from shelfmind.gallery.gallery import Gallery
from shelfmind.review.pictures import NoPicture, PictureCache

_REFERENCE = "gallery:"


def reference_name(sha256: str) -> str:
    """Return the name of a gallery photo among the pictures. It cannot clash with paths, which are absolute."""
    return f"{_REFERENCE}{sha256}"


class GroupPictures:
    """Renders photos of groups, by path, and of the gallery, with a cache of recent ones. Thread-safe."""

    def __init__(self, found: Discovery, gallery: Gallery) -> None:
        self._gallery = gallery
        self._paths = {photo.path for group in found.groups for photo in group.photos}
        self._kept = PictureCache()

    def render(self, name: str, size: str) -> tuple[bytes, str]:
        """Return a picture as JPEG, and its ETag. Raises `NoPicture`."""
        if name in self._paths:
            return self._kept.of_file(Path(name), size)
        if not name.startswith(_REFERENCE):
            raise NoPicture(name)
        try:
            content = self._gallery.photo(name.removeprefix(_REFERENCE))
        except UserError as error:
            raise NoPicture(str(error)) from error
        return self._kept.picture(name, content, size)
