"""The words of a page in English and Chinese at once: written in English, with the Chinese from one table.

A page holds both; its script shows the reader's. Without a script it is English.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from markupsafe import Markup, escape

from shelfmind import nouns
from shelfmind.pages.chinese import CHINESE, COUNTED, SAID_ELSEWHERE, SPLITS

_SAID_ELSEWHERE = tuple((re.compile(english, re.DOTALL), chinese) for english, chinese in SAID_ELSEWHERE)


class Text(str):
    """English words that know their Chinese; where both are the same, there is one language only."""

    chinese: str

    def __new__(cls, english: str, chinese: str) -> Text:
        text = super().__new__(cls, english)
        text.chinese = chinese
        return text

    def __html__(self) -> str:
        return escape(str(self)) if self.chinese == self else element("span", self)


def say(english: str, *values: object) -> Text:
    """Words of the table with `values` for their places; a value that is a `Text` is put in either language."""
    return _filled(english, CHINESE.get(english, english), values)


def many(number: int, one: str, more: str, *values: object) -> Text:
    """As `say`, with English words for one and for `more`; the table knows the latter."""
    return _filled(one if number == 1 else more, CHINESE.get(more, more), values)


def counted(number: int, noun: str) -> Text:
    """The number with its noun, such as ``3 images``, in Chinese with its measure word."""
    return Text(nouns.counted(number, noun), COUNTED[noun].format(f"{number:,}"))


def split_name(split: str) -> Text:
    """A split, or several joined by commas."""
    names = split.split(",")
    return Text(" and ".join(names), "、".join(SPLITS.get(name, name) for name in names))


def listed(texts: Iterable[object]) -> Text:
    """All of them in a row, with commas."""
    found = list(texts)
    return Text(", ".join(map(str, found)), "、".join(map(in_chinese, found)))


def joined(texts: Iterable[object]) -> Text:
    """Sentences one after the other; empty ones are left out."""
    found = [text for text in texts if text]
    return Text(" ".join(map(str, found)), "".join(map(in_chinese, found)))


def translated(text: str) -> Text:
    """What other rooms have said in English; unknown words stay as they are."""
    if isinstance(text, Text):
        return text
    for english, chinese in _SAID_ELSEWHERE:
        found = english.fullmatch(text)
        if found is not None:
            return Text(text, chinese.format(*(in_chinese(translated(part or "")) for part in found.groups())))
    return Text(text, text)


def in_chinese(value: object) -> str:
    """The Chinese of a `Text`; anything else as it is."""
    return value.chinese if isinstance(value, Text) else str(value)


def element(tag: str, text: object, attributes: str = "") -> Markup:
    """An element of a page or a drawing that holds `text` and nothing else; `attributes` are markup already."""
    given = f" {attributes}" if attributes else ""
    return Markup(f"<{tag}{given}{_for_the_script('', text)}>{escape(str(text))}</{tag}>")


def attribute(name: str, text: object) -> Markup:
    """An attribute that people read, such as ``alt``."""
    return Markup(f'{name}="{escape(str(text))}"{_for_the_script(f"-{name}", text)}')


def _filled(english: str, chinese: str, values: Iterable[object]) -> Text:
    found = list(values)
    return Text(english.format(*map(str, found)), chinese.format(*map(in_chinese, found)))


def _for_the_script(suffix: str, text: object) -> str:
    other = in_chinese(text)
    return "" if other == str(text) else f' data-zh{suffix}="{escape(other)}"'
