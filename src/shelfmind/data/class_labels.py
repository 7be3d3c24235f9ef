"""Class names of shards: labels are names, or numbers of a list of names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from shelfmind.errors import UserError
from shelfmind.images.photo_files import read_file
from shelfmind.structured_text import parse_json, parse_yaml
from shelfmind.urls import shown_url

CLASS_LIST = "classes.txt"
_FRONT_MATTER = "---\n"
_LONGEST_NAME = 200


def listed_classes(root: Path) -> tuple[str, ...]:
    """The class names in ``classes.txt`` (one a line), ``dataset_info.json`` or the front matter of ``README.md``.

    Empty if there is none of them, or it names no classes.
    """
    text = _text_of(root / CLASS_LIST)
    if text is not None:
        names = tuple(line.strip() for line in text.splitlines())
        while names and not names[-1]:
            names = names[:-1]
        if "" in names:
            raise UserError(f"{shown_url(root / CLASS_LIST)}, line {names.index('') + 1} is empty; enter a class name")
        return names
    for name, parse in (("dataset_info.json", parse_json), ("README.md", _front_matter)):
        text = _text_of(root / name)
        if text is not None:
            try:
                found = names_in_features(_features(parse(text)))
            except (ValueError, yaml.YAMLError) as error:
                raise UserError(f"{shown_url(root / name)} cannot be parsed: {error}") from error
            if found:
                return found
    return ()


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
    """The class names of labels that are names, or numbers of a list of names; without a list, any name is one."""

    def __init__(self, listed: Sequence[str]) -> None:
        self.listed = listed
        self._known = frozenset(listed)

    def of(self, label: Any, where: str) -> str:
        """The class name of a label; `where` is the photo, for messages.

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
        if not self.listed or text in self._known:
            return text
        count = len(self.listed)
        if not text.isdecimal():
            raise UserError(f"{where} has the class '{text}', which is not among the {count} listed names; add it")
        if int(text) >= count:
            raise UserError(f"{where} has the label {text}, but there are only {count} class names (from 0)")
        return self.listed[int(text)]


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
    try:
        return read_file(path).decode("utf-8-sig")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except UnicodeDecodeError as error:
        raise UserError(f"{shown_url(path)} is not UTF-8 text") from error
