"""Unused output paths for suggested commands."""

from __future__ import annotations

import os
from pathlib import Path


def short(path: Path) -> Path:
    """The path relative to the working directory if it lies within, as users type it; otherwise the path itself."""
    absolute, working = path.absolute(), Path.cwd()
    return absolute.relative_to(working) if absolute.is_relative_to(working) and absolute != working else path


def named(path: Path) -> Path:
    """The path, absolute if it has no name of its own, such as ``.``, so that other paths can be named after it."""
    return Path(os.path.abspath(path)) if path.name in ("", "..") else path


def unused_beside(path: Path, suffix: str) -> Path:
    """The first of NAME_SUFFIX, NAME_SUFFIX_2, ... next to `path` that does not exist; NAME is the name of `path`."""
    return unused(named(path).with_name(f"{named(path).name}_{suffix}"))


def unused(path: Path, *suffixes: str) -> Path:
    """The first path of NAME, ``NAME_2``, ``NAME_3``, ... that does not exist, also with any of the suffixes."""
    number, free = 1, path
    while any(os.path.lexists(f"{free}{suffix}") for suffix in ("", *suffixes)):
        number += 1
        free = path.with_name(f"{path.name}_{number}")
    return free
