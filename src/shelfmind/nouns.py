"""English numbers with nouns, and lists of names: "1 image", "2 classes", "a, b and 3 more"."""

from __future__ import annotations

from collections.abc import Iterable


def counted(number: int, one: str, many: str | None = None) -> str:
    """The number with the singular or plural words, such as ``counted(1, "image is", "images are")``.

    Without `many`, `one` is a noun with a regular plural, optionally with an adjective: class, classes; family,
    families; image, images.
    """
    return f"{number:,} {one if number == 1 else many or _plural(one)}"


def in_minutes(minutes: float) -> str:
    """The duration in words, such as "1 minute" or "2.5 minutes"."""
    return f"{minutes:g} minute{'' if minutes == 1 else 's'}"


def shortened(names: Iterable[str], shown: int = 5) -> str:
    """A list for a sentence: the first names and the number of further ones."""
    listed = list(names)
    more = f" and {len(listed) - shown} more" if len(listed) > shown else ""
    return ", ".join(listed[:shown]) + more


def _plural(noun: str) -> str:
    if noun.endswith(("s", "x", "ch", "sh")) and not noun.endswith("epoch"):
        return f"{noun}es"
    if noun.endswith("y") and noun[-2:-1] not in "aeiou":
        return f"{noun[:-1]}ies"
    return f"{noun}s"
