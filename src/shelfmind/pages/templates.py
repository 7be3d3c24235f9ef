"""Shared parts of all self-contained pages: templates, pictures, charts, and shortened paths."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import PurePath

from jinja2 import Environment, FunctionLoader, StrictUndefined, Template
from markupsafe import Markup

from shelfmind.pages import words


@dataclass(frozen=True)
class Picture:
    """An embedded image: its ``data:`` URI (None: could not be opened) and its displayed path."""

    source: str | None
    path: str


@dataclass(frozen=True)
class Chart:
    """A chart with its title, a one-sentence note, and a legend of (style class, name)."""

    title: str
    drawing: Markup
    note: str = ""
    key: tuple[tuple[str, str], ...] = ()


def page_template(name: str) -> Template:
    """Return a template of the package by path, such as ``pages/report.html.j2``. Values are escaped."""
    return _environment().get_template(name)


def path_shortener(paths: Sequence[str]) -> Callable[[str], str]:
    """Return a function that removes the folders common to all images, which mean nothing on another machine."""
    folders = [PurePath(path).parts[:-1] for path in paths]
    shared = 0
    for level in zip(*folders, strict=False):
        if len(set(level)) > 1:
            break
        shared += 1
    root = PurePath(*folders[0][:shared]) if folders and shared else None

    def shown(path: str) -> str:
        if root is not None and PurePath(path).is_relative_to(root):
            return PurePath(path).relative_to(root).as_posix()
        return path if root is None else "/".join(PurePath(path).parts[-3:])

    return shown


@cache
def _environment() -> Environment:
    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        loader=FunctionLoader(lambda name: files("shelfmind").joinpath(name).read_text(encoding="utf-8")),
    )
    environment.filters["percent"] = lambda value, digits=1: "–" if value is None else f"{100 * value:.{digits}f}%"
    environment.filters["counted"] = words.counted
    environment.filters["split_name"] = words.split_name
    environment.filters["translated"] = words.translated
    environment.globals |= {
        each.__name__: each for each in (words.attribute, words.element, words.joined, words.many, words.say)
    }
    environment.filters["count"] = lambda value: "–" if value is None else f"{value:,}"
    return environment
