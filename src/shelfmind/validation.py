"""Messages for invalid values, in place of pydantic's: X must be ..., got ..."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from shelfmind.errors import nearest

Location = tuple[int | str, ...]
"""Keys and indices that lead to a value; empty if the fault concerns several values."""

_MAX_LENGTH = 60

_MUST = {
    "greater_than": "be greater than {gt}",
    "greater_than_equal": "be at least {ge}",
    "less_than": "be less than {lt}",
    "less_than_equal": "be at most {le}",
    "finite_number": "be a finite number",
    "literal_error": "be {expected}",
    "too_short": "have at least {min_length} entries",
    "too_long": "have at most {max_length} entries",
}
_KINDS = {
    "int": "be a whole number",
    "float": "be a number",
    "bool": "be true or false",
    "string": "be text",
    "path": "be a path",
    "tuple": "be a list",
    "list": "be a list",
    "dict": "be a mapping of names to values",
    "mapping": "be a mapping of names to values",
    "model": "be a section of keys",
}
"""By the first word of pydantic's error types, such as ``int_parsing`` and ``int_from_float``."""


@dataclass(frozen=True, slots=True)
class Fault:
    """The problem with the value at a location; `unknown` for an unknown name."""

    location: Location
    problem: str
    unknown: bool = False

    def sentence(self, name: Callable[[Location], str]) -> str:
        """The fault in one line; `name` words the location."""
        if not self.location:
            return self.problem
        return f"{name(self.location)}{' ' if self.problem.startswith('must ') else ': '}{self.problem}"


def first_fault(error: ValidationError) -> Fault:
    """The fault to report: the first unknown name, else the first invalid value."""
    faults = error.errors(include_url=False)
    fault = next((each for each in faults if each["type"] == "extra_forbidden"), faults[0])
    *above, last = fault["loc"] or ("",)
    if above and isinstance(last, int) and fault["type"] == "missing":  # a missing entry of a list of fixed length
        entries = {each["loc"] for each in faults if each["loc"][:-1] == tuple(above)}
        return Fault(tuple(above), f"must have {last + len(entries)} entries, got {last}")
    return Fault(fault["loc"], _problem(fault), fault["type"] == "extra_forbidden")


def dotted(location: Location) -> str:
    """``train.stages.0``, as in a recipe."""
    return ".".join(str(part) for part in location)


def _problem(fault: ErrorDetails) -> str:
    kind, given = fault["type"], fault["input"]
    context = {name: _whole(value) for name, value in fault.get("ctx", {}).items()}
    if kind == "missing":
        return "must be given"
    if kind == "value_error":  # from a validator of shelfmind, with a complete message
        return str(fault["ctx"]["error"])
    if kind == "too_long" and context.get("field_type") == "Tuple":
        return f"must have {context['max_length']} entries, got {context['actual_length']}"
    must = _MUST.get(kind) or _KINDS.get(kind.split("_")[0])
    problem = f"is invalid: {fault['msg']}" if must is None else f"must {must.format_map(context)}".replace("'", "")
    problem = problem.replace(" 1 entries", " 1 entry")
    hint = ""
    if kind == "literal_error" and isinstance(given, str):
        hint = nearest(given, re.findall("'([^']*)'", str(context["expected"])))
    return f"{problem}, got {_shown(given, kind)}{'; ' if hint else ''}{hint}"


def _whole(value: Any) -> Any:
    """1 for 1.0."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _shown(value: Any, kind: str) -> str:
    """A value for a message; numbers given as text on the command line are shown without quotes."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    compared = kind.startswith(("greater_than", "less_than"))
    text = value if compared and isinstance(value, str) else repr(value)
    return text if len(text) <= _MAX_LENGTH else f"{text[:_MAX_LENGTH]}..."
