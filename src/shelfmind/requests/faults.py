"""Says what is wrong with a request: X must be ..., got ..."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from shelfmind.errors import UserError, argument, nearest, unknown_name

_MUST = {
    "missing": "must be given",
    "greater_than": "must be greater than {gt:g}",
    "greater_than_equal": "must be at least {ge:g}",
    "less_than": "must be less than {lt:g}",
    "less_than_equal": "must be at most {le:g}",
    "finite_number": "must be a number",
    "tuple_type": "must be a list",
    "dict_type": "must map names to values",
    "mapping_type": "must map names to values",
    "too_short": "must have at least {min_length} entries",
    "literal_error": "must be {expected}",
}
_KINDS = {"int": "a whole number", "float": "a number", "bool": "true or false", "string": "text", "path": "a path"}


def describe_fault(error: ValidationError, request: type[BaseModel]) -> UserError:
    """The first fault as one line that names the argument, and the nearest right one for one that there is not."""
    fault = error.errors(include_url=False)[0]
    place, kind, given = fault["loc"], fault["type"], fault["input"]
    if kind == "extra_forbidden":
        return unknown_name("argument", str(place[0]), request.model_fields)
    reason = fault.get("ctx", {}).get("error")
    if isinstance(reason, ValueError):  # raised by a validator
        return UserError(f"{_name(place)} {reason}" if place else str(reason))
    if kind == "missing":
        return UserError(f"{_name(place)} must be given")
    hint = ""
    if kind == "literal_error" and isinstance(given, str):
        hint = nearest(given, re.findall("'([^']*)'", fault["ctx"]["expected"]))
    return UserError(f"{_name(place)} {_must(kind, fault)}, got {_shown(given, kind)}{'; ' if hint else ''}{hint}")


def _name(place: tuple[int | str, ...]) -> str:
    """``caps``, and of what is inside it ``caps of 'others'`` or ``resolutions, number 2,``."""
    first, *inner = place
    name = argument(str(first))
    for part in inner:
        name += f", number {part + 1}," if isinstance(part, int) else f" of '{part}'"
    return name


def _must(kind: str, fault: Mapping[str, Any]) -> str:
    if kind in _MUST:
        return _MUST[kind].format(**fault.get("ctx", {})).replace("'", "")
    what = _KINDS.get(kind.split("_")[0])
    if what is not None:
        return f"must be {what}"
    return f"is not right: {fault['msg'][:1].lower()}{fault['msg'][1:]}"


def _shown(given: Any, kind: str) -> str:
    """A value as people write it: a number that was typed without quotes, as a command gives it."""
    compared = kind.startswith(("greater_than", "less_than"))
    return given if compared and isinstance(given, str) else repr(given)
