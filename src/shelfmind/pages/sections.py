"""What the audit's page is made of: sections with figures, charts, galleries of examples and tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from shelfmind.pages.templates import Chart


@dataclass(frozen=True, slots=True)
class Line:
    """A line of text with a small label before it; `wrong` makes it stand out."""

    label: str
    text: str
    wrong: bool = False


@dataclass(frozen=True)
class Card:
    """One example: pictures side by side, and lines below them; `foot` are two short figures.

    The first `left` pictures stand apart from the rest, if they are of something else.
    """

    pictures: tuple[Path, ...]
    lines: tuple[Line, ...] = ()
    foot: tuple[str, str] = ("", "")
    left: int = 0


@dataclass(frozen=True)
class Gallery:
    """Examples, worst first; `total` is how many there are, of which the cards are the first."""

    title: str
    note: str
    cards: tuple[Card, ...]
    total: int


@dataclass(frozen=True)
class Table:
    """Rows under columns of (name, is text); `total` is how many rows there are, of which these are the first."""

    title: str
    columns: tuple[tuple[str, bool], ...]
    rows: Sequence[tuple[str, ...]]
    total: int
    filtered: bool = False


@dataclass(frozen=True)
class PageSection:
    """One part of the page: `key` is its anchor, `empty` what is said where there is nothing to show."""

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
    """One line of the summary: how grave it is (``bad``, ``look`` or ``good``), what was found, and what to do."""

    grade: str
    found: str
    advice: str
    key: str
