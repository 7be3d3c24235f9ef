"""Unusual properties of how a file stores its image."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shelfmind.images.decoding import FILE_SUFFIXES, Stored

_USUAL_MODES = frozenset({"RGB", "RGBA", "L", "LA", "P", "1", "PA", "RGBX", "La"})


@dataclass(frozen=True, slots=True)
class Oddity:
    """An unusual property: `holds` takes how the image is stored and the suffix of the file's name.

    `is_issue` is whether the file is reported; properties common in camera photos are only counted.
    """

    holds: Callable[[Stored, str], bool]
    is_issue: bool = True


def deep(stored: Stored) -> bool:
    """Whether this is greyscale of more than 8 bits."""
    return stored.mode == "F" or stored.mode.startswith("I")


ODDITIES: dict[str, Oddity] = {
    "turned": Oddity(lambda stored, suffix: stored.orientation != 1, is_issue=False),
    "animated": Oddity(lambda stored, suffix: stored.animated),
    "transparent": Oddity(lambda stored, suffix: stored.transparent),
    "unusual colours": Oddity(lambda stored, suffix: not deep(stored) and stored.mode not in _USUAL_MODES),
    "deep greyscale": Oddity(lambda stored, suffix: deep(stored)),
    "extension of another format": Oddity(lambda stored, suffix: suffix not in FILE_SUFFIXES[stored.format]),
}
"""At most eight, new ones last: an image's oddities are stored as bits, in this order."""


def code_of(stored: Stored, suffix: str) -> int:
    """All oddities of one image, as bits."""
    return sum(bit_of(name) for name, oddity in ODDITIES.items() if oddity.holds(stored, suffix))


def bit_of(name: str) -> int:
    """The bit of one oddity in the result of `code_of`."""
    return 1 << list(ODDITIES).index(name)


def found_in(codes: npt.NDArray[np.uint8]) -> dict[str, npt.NDArray[np.bool_]]:
    """Which of N images have each oddity, by name, given the results of `code_of`."""
    return {name: np.asarray(codes & bit_of(name) > 0) for name in ODDITIES}
