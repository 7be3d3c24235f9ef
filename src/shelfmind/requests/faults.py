"""Turns validation errors of a request into messages: X must be ..., got ..."""

from __future__ import annotations

from pydantic import BaseModel, ValidationError

from shelfmind.errors import UserError, argument, unknown_name
from shelfmind.validation import Location, first_fault


def describe_fault(error: ValidationError, request: type[BaseModel]) -> UserError:
    """Describe the first fault in one line that names the argument; suggest the closest name for an unknown one."""
    fault = first_fault(error)
    if fault.unknown:
        return unknown_name("argument", str(fault.location[0]), request.model_fields)
    return UserError(fault.sentence(_name))


def _name(location: Location) -> str:
    """``caps``, or for a nested value ``caps of 'others'`` or ``resolutions, number 2,``."""
    first, *inner = location
    name = argument(str(first))
    for part in inner:
        name += f", number {part + 1}," if isinstance(part, int) else f" of '{part}'"
    return name
