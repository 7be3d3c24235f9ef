"""A procedural renderer of retail packages: a data set that needs no download and whose truth is known."""

from __future__ import annotations

from shelfmind.data.shelf_generator.settings import Settings, make_settings
from shelfmind.data.shelf_generator.writing import generate

__all__ = ["Settings", "generate", "make_settings"]
