"""Portable, normalised class and file names, without accidentally merging two classes."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from shelfmind.data.classes import normalise_class_name
from shelfmind.errors import UserError, argument

_BRACKETS = str.maketrans("【】〔〕〖〗", "[][][]")
_DOTS = str.maketrans(dict.fromkeys("•‧∙⋅・･", "·") | dict.fromkeys("。｡", "."))
_REFUSED = str.maketrans(dict.fromkeys('<>:"/\\|?*', "_"))
"""Characters that Windows and FAT do not allow in names; / is not allowed anywhere."""
_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)
_BYTE = re.compile("[\udc80-\udcff]")
_BEFORE_BRACKET = re.compile(r"(?<=[\u2e80-\u9fff\uac00-\ud7af]) (?=[(\[])")
_INSIDE_BRACKETS = re.compile(r"(?<=[(\[]) | (?=[)\]])")
MAX_BYTES = 200
"""Maximum length of a name; systems allow 255, which leaves room for a number and a suffix."""


def clean_name(name: str) -> str:
    """A normalised name that is valid as a folder or file name on any system. Idempotent.

    Full-width forms become half-width (NFKC), brackets ( ) or [ ], middle dots are unified, runs of blanks become one
    blank, with none inside brackets or between a Chinese character and a bracket; invisible characters are removed.
    Characters not allowed in file names become _, bytes that are not UTF-8 become %xx. Leading and trailing dots and
    blanks are removed, because a leading dot hides a folder and Windows drops trailing ones. An empty result becomes
    "_".
    """
    text = _BYTE.sub(lambda match: f"%{ord(match[0]) - 0xDC00:02x}", name)
    text = normalise_class_name(text).translate(_BRACKETS).translate(_DOTS).translate(_REFUSED)
    visible = (character for character in text if unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Co"))
    text = normalise_class_name("".join(visible))  # what stood around an invisible character is adjacent now
    text = _INSIDE_BRACKETS.sub("", _BEFORE_BRACKET.sub("", text))
    text = _shortened(unicodedata.normalize("NFC", text)).strip(" .")
    return f"_{text}" if not text or _DEVICES.match(text) else text


def clean_names(names: Iterable[str], merge: bool = False) -> Mapping[str, str]:
    """The clean name of each class. Raises `UserError` if two classes get the same name, unless `merge`."""
    cleaned: dict[str, str] = {}
    first: dict[str, str] = {}
    for name in sorted(names):
        clean = clean_name(name)
        before = first.setdefault(clean.casefold(), name)
        if before != name and not merge:
            raise UserError(
                f"the classes {before!r} and {name!r} both become '{clean}' after normalising; "
                f"merge them with {argument('merge_same_names', True)}, or rename one of them"
            )
        cleaned[name] = cleaned.get(before, clean)
    return MappingProxyType(cleaned)


def _shortened(text: str) -> str:
    return text.encode()[:MAX_BYTES].decode(errors="ignore")
