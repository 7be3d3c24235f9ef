"""The arguments of a request, in the form needed by the command line, Python, the type stub and messages."""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from shelfmind.requests.request import Flag, NoFlag, Positional

_BOUNDS = {"gt": ">", "ge": ">=", "lt": "<", "le": "<="}
_ENDLESS = 2**53
"""Larger bounds are technical limits and not shown to users."""
_WORDS = {int: "int", float: "float", Path: "path", str: "text"}


@dataclass(frozen=True)
class Argument:
    """One argument of a verb; `flags` is empty for positional arguments and for those that exist in Python only."""

    name: str
    annotation: Any
    default: Any
    required: bool
    description: str
    flags: tuple[str, ...]
    positional: bool
    switch: bool
    repeated: bool
    metavar: str
    written: Callable[[Any], str]

    @property
    def in_command(self) -> bool:
        """Whether the command line has this argument."""
        return self.positional or bool(self.flags)

    @property
    def on_command_line(self) -> str:
        """The name on the command line."""
        if self.positional:
            return self.metavar
        return self.flags[0].split("/")[0] if self.flags else self.name


@cache
def arguments(request: type[BaseModel]) -> tuple[Argument, ...]:
    """The arguments in Python's order: those that may be given by position first."""
    found = [_argument(name, field) for name, field in request.model_fields.items()]
    return tuple(sorted(found, key=lambda each: not by_position(each)))


def by_position(argument: Argument) -> bool:
    """Whether Python accepts it by position: positional arguments of the command, and required ones."""
    return argument.positional or argument.required


def _argument(name: str, field: FieldInfo) -> Argument:
    marks = field.metadata
    flag = next((mark for mark in marks if isinstance(mark, Flag)), Flag())
    position = next((mark for mark in marks if isinstance(mark, Positional)), None)
    annotation = _plain(field.annotation)
    several = get_origin(annotation) is tuple and get_args(annotation)[-1:] == (...,)
    switch = annotation is bool
    if position is not None or NoFlag in marks:
        flags: tuple[str, ...] = ()
    else:
        flags = flag.names or (f"--{name.replace('_', '-')}",)
    metavar = (
        (position.metavar or name.upper()) if position is not None else flag.metavar or _metavar(annotation, marks)
    )
    return Argument(
        name=name,
        annotation=field.annotation,
        default=None if field.is_required() else field.get_default(call_default_factory=True),
        required=field.is_required(),
        description=field.description or "",
        flags=flags,
        positional=position is not None,
        switch=switch,
        repeated=several if flag.repeated is None else flag.repeated,
        metavar="" if switch else metavar,
        written=flag.written or _written,
    )


def _written(value: Any) -> str:
    if isinstance(value, Mapping):
        return ",".join(f"{name}={one}" for name, one in value.items())
    return ",".join(str(one) for one in value) if isinstance(value, tuple) else str(value)


def _plain(annotation: Any) -> Any:
    """The type of a given value: without None, and the first one of a union."""
    if get_origin(annotation) is Annotated:
        return _plain(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        return _plain(next(kind for kind in get_args(annotation) if kind is not type(None)))
    return annotation


def _metavar(annotation: Any, marks: list[Any]) -> str:
    """The placeholder in help: the choices, or the type and its bounds."""
    if get_origin(annotation) is Literal:
        return f"<{'|'.join(get_args(annotation))}>"
    if get_origin(annotation) is tuple:
        annotation = _plain(get_args(annotation)[0])
    word = _WORDS.get(annotation, "text")
    bounds = {sign: getattr(mark, name) for mark in marks for name, sign in _BOUNDS.items() if hasattr(mark, name)}
    return f"<{word}>{_range({sign: bound for sign, bound in bounds.items() if abs(bound) < _ENDLESS})}"


def _range(bounds: Mapping[str, float]) -> str:
    """The bounds as in `` [0<x<=1]``; empty without bounds."""
    low = next(((sign, bounds[sign]) for sign in (">", ">=") if sign in bounds), None)
    high = next(((sign, bounds[sign]) for sign in ("<", "<=") if sign in bounds), None)
    if low is not None and high is not None:
        return f" [{low[1]}{low[0].replace('>', '<')}x{high[0]}{high[1]}]"
    one = low or high
    return "" if one is None else f" [x{one[0]}{one[1]}]"
