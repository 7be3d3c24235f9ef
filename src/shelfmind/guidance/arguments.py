"""The arguments of a training as they were given, for a command that differs in a few of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shelfmind.requests.training import TrainRequest

_NOT_REPEATED = frozenset({"resume", "track", "broader"})
"""Arguments of one training alone, or of Python alone."""


def whole(number: float) -> float:
    """A number without the point that people do not write: 30 for 30.0."""
    return int(number) if float(number).is_integer() else number


def arguments_of(request: TrainRequest) -> dict[str, Any]:
    """What differs from the defaults of `train`, by name; a recipe that is no name and no file cannot be repeated."""
    return differing(request.model_dump(mode="json", exclude_unset=True))


def differing(given: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments among these that are not as `train` has them by itself."""
    fields = TrainRequest.model_fields
    found = {
        name: value
        for name, value in given.items()
        if name in fields and name not in _NOT_REPEATED and value not in (fields[name].default, None, [], "a Recipe")
    }
    return {name: whole(value) if isinstance(value, float) else value for name, value in found.items()}
