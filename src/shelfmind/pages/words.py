"""Bilingual texts of the pages: written in English, with the Chinese looked up in one table.

A page contains both languages; its script shows the reader's. Without JavaScript, the page is in English.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from markupsafe import Markup, escape

from shelfmind import nouns
from shelfmind.pages.chinese import CHINESE, COUNTED, MESSAGES_OF_OTHERS, SPLITS

_MESSAGES_OF_OTHERS = tuple((re.compile(english, re.DOTALL), chinese) for english, chinese in MESSAGES_OF_OTHERS)


class Text(str):
    """An English string with its Chinese translation. If both are equal, the text has only one language."""

    chinese: str

    def __new__(cls, english: str, chinese: str) -> Text:
        text = super().__new__(cls, english)
        text.chinese = chinese
        return text

    def __html__(self) -> str:
        return escape(str(self)) if self.chinese == self else element("span", self)


def say(english: str, *values: object) -> Text:
    """Return a text of the table with `values` filled in; a value that is a `Text` is filled in per language."""
    return _filled(english, CHINESE.get(english, english), values)


def many(number: int, one: str, more: str, *values: object) -> Text:
    """As `say`, with the English singular `one` and plural `more`; the table contains the plural."""
    return _filled(one if number == 1 else more, CHINESE.get(more, more), values)


def counted(number: int, noun: str) -> Text:
    """Return the number with its noun, such as ``3 images``; in Chinese, with its measure word."""
    return Text(nouns.counted(number, noun), COUNTED[noun].format(f"{number:,}"))


def split_name(split: str) -> Text:
    """Return the name of a split, or of several given as a comma-separated string."""
    names = split.split(",")
    return Text(" and ".join(names), "、".join(SPLITS.get(name, name) for name in names))


def listed(texts: Iterable[object]) -> Text:
    """Return the texts as a comma-separated list."""
    found = list(texts)
    return Text(", ".join(map(str, found)), "、".join(map(in_chinese, found)))


def joined(texts: Iterable[object]) -> Text:
    """Return the sentences joined into one text; empty ones are left out."""
    found = [text for text in texts if text]
    return Text(" ".join(map(str, found)), "".join(map(in_chinese, found)))


def translated(text: str) -> Text:
    """Return an English message of another package with its Chinese; unknown messages stay in English."""
    if isinstance(text, Text):
        return text
    for english, chinese in _MESSAGES_OF_OTHERS:
        found = english.fullmatch(text)
        if found is not None:
            return Text(text, chinese.format(*(in_chinese(translated(part or "")) for part in found.groups())))
    return Text(text, text)


def in_chinese(value: object) -> str:
    """Return the Chinese of a `Text`, or any other value as a string."""
    return value.chinese if isinstance(value, Text) else str(value)


def element(tag: str, text: object, attributes: str = "") -> Markup:
    """Return an HTML or SVG element that contains only `text`; `attributes` are markup."""
    given = f" {attributes}" if attributes else ""
    return Markup(f"<{tag}{given}{_for_the_script('', text)}>{escape(str(text))}</{tag}>")


def attribute(name: str, text: object) -> Markup:
    """Return a human-readable attribute, such as ``alt``, in both languages."""
    return Markup(f'{name}="{escape(str(text))}"{_for_the_script(f"-{name}", text)}')


def _filled(english: str, chinese: str, values: Iterable[object]) -> Text:
    found = list(values)
    return Text(english.format(*map(str, found)), chinese.format(*map(in_chinese, found)))


def _for_the_script(suffix: str, text: object) -> str:
    other = in_chinese(text)
    return "" if other == str(text) else f' data-zh{suffix}="{escape(other)}"'
