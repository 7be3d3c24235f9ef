"""The given arguments of a training run, for a command that changes some of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shelfmind.requests.training import RecipeRequest, TrainRequest

_NOT_REPEATED = frozenset({"resume", "track", "broader"})
"""Arguments that apply to one run only, or exist in Python only."""


def whole(number: float) -> float:
    """A whole number without a decimal point: 30 for 30.0."""
    return int(number) if float(number).is_integer() else number


def arguments_of(request: RecipeRequest) -> dict[str, Any]:
    """Arguments that differ from the verb's defaults; a `Recipe` object, which cannot be repeated, is left out."""
    return differing(request.model_dump(mode="json", exclude_unset=True), type(request))


def differing(given: Mapping[str, Any], kind: type[RecipeRequest] = TrainRequest) -> dict[str, Any]:
    """The arguments that differ from the defaults of a verb."""
    fields = kind.model_fields
    found = {
        name: value
        for name, value in given.items()
        if name in fields and name not in _NOT_REPEATED and value not in (fields[name].default, None, [], "a Recipe")
    }
    return {name: whole(value) if isinstance(value, float) else value for name, value in found.items()}
