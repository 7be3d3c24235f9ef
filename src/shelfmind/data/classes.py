"""Class names: sorting them into class ids, and detecting names that differ only in their encoding."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping

from shelfmind.errors import UserError

CATCH_ALL_NAMES = frozenset({"others", "other", "其他", "其它", "其他商品", "其它商品"})
"""Lower-case names of catch-all classes, for products without a class."""


def normalise_class_name(name: str) -> str:
    """Normalise a class name: NFKC (full-width brackets become half-width), stripped, runs of blanks collapsed."""
    return " ".join(unicodedata.normalize("NFKC", name).split())


def sorted_class_names(locations: Mapping[str, str], same_names: bool = False) -> tuple[str, ...]:
    """The class names in sorted order, so that a name's index is its class id; `locations` maps each name to where it
    was found.

    Raises `UserError` if two names are equal after `normalise_class_name`, unless `same_names` allows it: training on
    them as two classes would add label noise, and merging them silently could join two products.
    """
    seen: dict[str, str] = {}
    for name in sorted(locations):
        normal = normalise_class_name(name)
        if not normal:
            raise UserError(f"empty class name in {locations[name]}; enter a name")
        if normal in seen and not same_names:
            first = seen[normal]
            raise UserError(
                f"the class names {_quoted(first, name)} ({locations[first]}) and "
                f"{_quoted(name, first)} ({locations[name]}) "
                "are the same after normalising; rename one of them, or merge the two classes"
            )
        seen[normal] = name
    return tuple(sorted(locations))


def _quoted(name: str, other: str) -> str:
    """The name in quotes, in ASCII escapes if it prints exactly like the other one (composed or decomposed accents)."""
    alike = unicodedata.normalize("NFC", name) == unicodedata.normalize("NFC", other)
    return ascii(name) if alike else f"'{name}'"
