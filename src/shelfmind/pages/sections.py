"""Building blocks of reports: sections with metrics, charts, galleries of examples and tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from shelfmind.pages.templates import Chart


@dataclass(frozen=True, slots=True)
class Line:
    """A line of text with a small label in front; `wrong` highlights it."""

    label: str
    text: str
    wrong: bool = False


@dataclass(frozen=True)
class Card:
    """One example: pictures side by side with lines below; `foot` are two short values.

    The first `left` pictures are separated from the rest, if they show something else.
    """

    pictures: tuple[Path, ...]
    lines: tuple[Line, ...] = ()
    foot: tuple[str, str] = ("", "")
    left: int = 0


@dataclass(frozen=True)
class Gallery:
    """Examples, worst first; `total` counts all examples, the cards are the first of them."""

    title: str
    note: str
    cards: tuple[Card, ...]
    total: int


@dataclass(frozen=True)
class Table:
    """Rows under columns of (name, is text); `total` counts all rows, `rows` are the first of them."""

    title: str
    columns: tuple[tuple[str, bool], ...]
    rows: Sequence[tuple[str, ...]]
    total: int
    filtered: bool = False


@dataclass(frozen=True)
class PageSection:
    """A section of the page: `key` is its anchor, `empty` the text shown if there is no content."""

    key: str
    title: str
    intro: str
    figures: tuple[tuple[str, str], ...] = ()
    charts: tuple[Chart, ...] = ()
    galleries: tuple[Gallery, ...] = ()
    tables: tuple[Table, ...] = ()
    empty: str = ""


@dataclass(frozen=True)
class Headline:
    """One line of the summary: severity (``bad``, ``look`` or ``good``), finding and advice."""

    grade: str
    found: str
    advice: str
    key: str
