"""Static files for browsers: those shared by all pages of a server, and those of a single page."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import PurePosixPath

MEDIA_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
}


@dataclass(frozen=True)
class WebFile:
    """A file of the package, by its path in the package."""

    path: str

    @property
    def media_type(self) -> str:
        """Media type, by suffix."""
        return MEDIA_TYPES[PurePosixPath(self.path).suffix]

    @property
    def content(self) -> bytes:
        """The content of the file."""
        return _content(self.path)


def web_files(folder: str, names: Iterable[str]) -> dict[str, WebFile]:
    """Return files of a folder of the package, by name."""
    return {name: WebFile(f"{folder}/{name}") for name in names}


SHARED_FILES = {
    f"look/{name}": file
    for name, file in web_files(
        "pages/look", ("controls.css", "elements.js", "guard.js", "icon.svg", "language.js", "listbox.js", "look.css")
    ).items()
}
"""Shared style sheets and scripts, by the path that pages load them from."""


@cache
def _content(path: str) -> bytes:
    return files("shelfmind").joinpath(path).read_bytes()
