"""Unused output paths for suggested commands."""

from __future__ import annotations

import os
from pathlib import Path


def unused(path: Path, *suffixes: str) -> Path:
    """The first path of NAME, ``NAME_2``, ``NAME_3``, ... that does not exist, also with any of the suffixes."""
    number, free = 1, path
    while any(os.path.lexists(f"{free}{suffix}") for suffix in ("", *suffixes)):
        number += 1
        free = path.with_name(f"{path.name}_{number}")
    return free
