"""Where a proposed command puts what it makes: never where something lies already."""

from __future__ import annotations

import os
from pathlib import Path


def unused(path: Path, *suffixes: str) -> Path:
    """The path, or the first of ``NAME_2``, ``NAME_3``, ... at which nothing lies, nor with a suffix behind it."""
    number, free = 1, path
    while any(os.path.lexists(f"{free}{suffix}") for suffix in ("", *suffixes)):
        number += 1
        free = path.with_name(f"{path.name}_{number}")
    return free
