"""Class names of shards: labels are names, or numbers of a list of names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from shelfmind.errors import UserError
from shelfmind.images.photo_files import read_file
from shelfmind.images.verified_files import require_intact
from shelfmind.structured_text import parse_json, parse_yaml
from shelfmind.urls import shown_url

CLASS_LIST = "classes.txt"
_FRONT_MATTER = "---\n"
_LONGEST_NAME = 200


def listed_classes(root: Path) -> tuple[str, ...]:
    """The class names in ``classes.txt`` (one a line), ``dataset_info.json`` or the front matter of ``README.md``.

    Empty if there is none of them, or it names no classes. Raises `UserError` if it cannot be parsed, names two classes
    alike, or differs from its checksum.
    """
    text = _text_of(root / CLASS_LIST)
    if text is not None:
        names = tuple(line.strip() for line in text.splitlines())
        while names and not names[-1]:
            names = names[:-1]
        if "" in names:
            raise UserError(f"{shown_url(root / CLASS_LIST)}, line {names.index('') + 1} is empty; enter a class name")
        require_distinct(names, shown_url(root / CLASS_LIST), "lines", 1)
        return names
    for name, parse in (("dataset_info.json", parse_json), ("README.md", _front_matter)):
        text = _text_of(root / name)
        if text is not None:
            try:
                found = names_in_features(_features(parse(text)))
            except (ValueError, yaml.YAMLError) as error:
                raise UserError(f"{shown_url(root / name)} cannot be parsed: {error}") from error
            if found:
                require_distinct(found, shown_url(root / name))
                return found
    return ()


def require_distinct(names: Sequence[str], where: str, places: str = "numbers", first: int = 0) -> None:
    """Raise `UserError` if two of the names are equal: their classes would become one.

    The message calls the list `where` and the places of names in it `places`, counted from `first`.
    """
    seen: dict[str, int] = {}
    for place, name in enumerate(names, first):
        earlier = seen.setdefault(name, place)
        if earlier != place:
            raise UserError(
                f"{where} names two classes '{name}' ({places} {earlier} and {place}); "
                "give each class a name of its own"
            )


def names_in_features(features: Any, column: str | None = None) -> tuple[str, ...]:
    """The names of the class column in Hugging Face's description of the columns, by name or as a list; empty if there
    is none.

    `column` chooses one of several class columns.
    """
    if isinstance(features, list):  # README.md
        named = [each for each in features if isinstance(each, dict) and isinstance(each.get("name"), str)]
        features = {each["name"]: each.get("dtype") for each in named}
    if not isinstance(features, dict):
        return ()
    chosen = [features.get(column)] if column is not None else list(features.values())
    for described in chosen:
        if isinstance(described, dict):
            inner = described.get("class_label")
            names = described.get("names") or (inner.get("names") if isinstance(inner, dict) else None)
            if isinstance(names, dict):
                names = _by_number(names)
            if isinstance(names, list):
                return tuple(map(str, names))
    return ()


class ClassNames:
    """The class names of labels that are names, or numbers of a list of names; without a list, any name is one.

    A number counts the names from 0. A text is a listed name, else a number. If a name is the number of another name,
    such as '10' in second place of twelve, texts have one meaning only: in a plain text file, where numbers can only be
    text, digits are a number; in JSON and in a column of text, they are a name.
    """

    def __init__(self, listed: Sequence[str]) -> None:
        self.listed = listed
        self._known = frozenset(listed)
        self._misleading = _misleading_number(listed)

    @property
    def notes(self) -> list[str]:
        """A note on how numbers are read if the names leave a doubt."""
        if self._misleading is None:
            return []
        number, meant = self._misleading, self.listed[self._misleading]
        return [
            "some class names are numbers: labels that are numbers count the names from 0, "
            f"so {number} is the class '{meant}', not '{number}'"
        ]

    def of(self, label: Any, where: str, plain: bool = False) -> str:
        """The class name of a label; `where` is the photo, for messages. `plain`: the label is a whole text file.

        Raises `UserError` for a number outside the list of names, a name that is not in it, and anything else.
        """
        if isinstance(label, bool) or not isinstance(label, (int, str)):
            raise UserError(f"{where} has the label {label!r}; it must be a class name or a number")
        text = str(label).strip()
        if not text:
            raise UserError(f"the label of {where} is empty; enter a class name or remove the photo")
        if len(text) > _LONGEST_NAME or "\n" in text:
            raise UserError(
                f"the label of {where} is a text of {len(text)} characters, not a class name: '{text[:40]}...'"
            )
        if not self.listed:
            return text
        if isinstance(label, int):
            return self._at(label, where)
        is_number = text.isdecimal()
        if self._misleading is not None and plain and is_number:
            return self._at_plain(text, where)
        if text in self._known:
            return text
        if self._misleading is not None or not is_number:
            raise UserError(
                f"{where} has the class '{text}', which is not among the {len(self.listed)} listed names; add it"
            )
        return self._at(int(text), where)

    def _at(self, number: int, where: str) -> str:
        count = len(self.listed)
        if 0 <= number < count:
            return self.listed[number]
        named = str(number) in self._known
        remedy = "; a name that is a number must be text, or leave the list of names out" if named else ""
        raise UserError(f"{where} has the label {number}, but there are only {count} class names (from 0){remedy}")

    def _at_plain(self, text: str, where: str) -> str:
        number = int(text)
        if text in self._known and (number >= len(self.listed) or text != str(number)):  # labels seem to be names
            raise UserError(
                f"{where} has the label {text}, a class name, but numbers in .cls and .txt count the "
                f"{len(self.listed)} class names from 0, because some names are numbers of others; "
                "to label by name, use .json or leave the list of names out"
            )
        return self._at(number, where)


def _misleading_number(listed: Sequence[str]) -> int | None:
    """The first name that is the number of another name, as a number; None if there is none."""
    count = len(listed)
    for place, name in enumerate(listed):
        if len(name) <= len(str(count)) and name.isdecimal() and name == str(int(name)):
            number = int(name)
            if number < count and number != place:
                return number
    return None


def _by_number(names: dict[Any, Any]) -> list[Any]:
    """The names in the order of their numbers, which are the keys; empty if these are not numbers."""
    try:
        return [names[key] for key in sorted(names, key=int)]
    except (TypeError, ValueError, OverflowError):
        return []


def _features(described: Any) -> Any:
    if isinstance(described, dict):
        info = described.get("dataset_info", described)
        info = info[0] if isinstance(info, list) and info else info
        return info.get("features") if isinstance(info, dict) else None
    return None


def _front_matter(text: str) -> Any:
    if not text.startswith(_FRONT_MATTER):
        return None
    return parse_yaml(text[len(_FRONT_MATTER) :].split("\n---", 1)[0])


def _text_of(path: Path) -> str | None:
    require_intact([path])
    try:
        return read_file(path).decode("utf-8-sig")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except UnicodeDecodeError as error:
        raise UserError(f"{shown_url(path)} is not UTF-8 text") from error
