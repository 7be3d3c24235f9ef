"""Class names: the sorted names behind the class ids, and names that only look different."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping

from shelfmind.errors import UserError

NAMES_OF_OTHERS = frozenset({"others", "other", "其他", "其它", "其他商品", "其它商品"})
"""Names, in lower case, of classes that collect what has no class of its own."""


def normalise_class_name(name: str) -> str:
    """The name as a reader sees it: NFKC (full-width brackets become half-width), stripped, runs of blanks as one."""
    return " ".join(unicodedata.normalize("NFKC", name).split())


def sorted_class_names(locations: Mapping[str, str], same_names: bool = False) -> tuple[str, ...]:
    """The class names sorted, so that a name's position is its class id; `locations` says where each name was found.

    Raises `UserError` if two names are the same after `normalise_class_name`, unless `same_names` allows that: training
    on them as two classes would teach noise, and merging them unasked could join two products.
    """
    seen: dict[str, str] = {}
    for name in sorted(locations):
        normal = normalise_class_name(name)
        if not normal:
            raise UserError(f"an empty class name in {locations[name]}; give it a name")
        if normal in seen and not same_names:
            first = seen[normal]
            raise UserError(
                f"the class names {_quoted(first, name)} ({locations[first]}) and "
                f"{_quoted(name, first)} ({locations[name]}) "
                "are the same after normalising; rename one of them, or join them into one class"
            )
        seen[normal] = name
    return tuple(sorted(locations))


def _quoted(name: str, other: str) -> str:
    """The name in quotes; spelt in ASCII where it prints just like the other one (composed and decomposed accents)."""
    alike = unicodedata.normalize("NFC", name) == unicodedata.normalize("NFC", other)
    return ascii(name) if alike else f"'{name}'"
