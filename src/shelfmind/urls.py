"""URLs of object stores, which travel as paths: `Path` collapses the two slashes after the scheme into one."""

from __future__ import annotations

import os
import re
from pathlib import Path

_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/{1,2}(.*)", re.DOTALL)


def url_parts(place: str | Path) -> tuple[str | None, str]:
    """The scheme in lower case and the rest; the scheme is None for a local path."""
    text = os.fspath(place)
    found = _URL.fullmatch(text)
    return (None, text) if found is None else (found[1].lower(), found[2])


def is_url(place: str | Path) -> bool:
    """Whether a path is a URL such as ``s3://BUCKET/PREFIX``, with one slash or two."""
    return _URL.fullmatch(os.fspath(place)) is not None


def shown_url(place: str | Path) -> str:
    """A URL with two slashes, as users write it; a local path is returned unchanged."""
    scheme, rest = url_parts(place)
    return rest if scheme is None else f"{scheme}://{rest}"
