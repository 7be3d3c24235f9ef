"""What people are told about a value that does not fit, in place of pydantic's words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from shelfmind.errors import UserError

_LONGEST = 60

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
    "tuple": "be a list",
    "list": "be a list",
    "dict": "be a mapping of names to values",
    "mapping": "be a mapping of names to values",
    "model": "be a section of keys",
}
"""By how pydantic's kinds of error begin, such as ``int_parsing`` and ``int_from_float``."""


class FieldError(UserError):
    """A value that does not fit its field. `field` is its dotted name, empty if the fault is in none alone."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}{problem}")
        self.field = field
        self.problem = problem


def field_error(error: ValidationError) -> FieldError:
    """The first fault, such as "classes must be at least 2, got 1"; unknown keys are for the caller to tell."""
    fault = error.errors(include_url=False)[0]
    *above, last = fault["loc"] or ("",)
    if above and isinstance(last, int) and fault["type"] == "missing":  # an entry that a list of fixed length lacks
        entries = {each["loc"] for each in error.errors() if each["loc"][:-1] == tuple(above)}
        return FieldError(_dotted(above), f" must have {last + len(entries)} entries, got {last}")
    return FieldError(_dotted(fault["loc"]), _problem(fault))


def _problem(fault: ErrorDetails) -> str:
    kind, context = fault["type"], {name: _whole(value) for name, value in fault.get("ctx", {}).items()}
    if kind == "missing":
        return " is missing"
    if kind == "value_error":  # a validator of ours
        said = fault["msg"].removeprefix("Value error, ")
        shown = "" if isinstance(fault["input"], Mapping) or ", got " in said else f", got {_shown(fault['input'])}"
        return f": {said}{shown}" if fault["loc"] else said
    if kind == "too_long" and context.get("field_type") == "Tuple":
        return f" must have {context['max_length']} entries, got {context['actual_length']}"
    must = _MUST.get(kind) or _KINDS.get(kind.split("_")[0])
    said = fault["msg"] if must is None else f"must {must.format_map(context)}"
    return f" {said}, got {_shown(fault['input'])}"


def _whole(value: Any) -> Any:
    """1 for 1.0, as people write it."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _dotted(parts: tuple[int | str, ...] | list[int | str]) -> str:
    return ".".join(str(part) for part in parts)


def _shown(value: Any) -> str:
    if value is None:
        return "nothing"
    text = str(value).lower() if isinstance(value, bool) else repr(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
