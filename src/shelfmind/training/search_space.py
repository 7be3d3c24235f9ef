"""The search space of recipe values: lists of choices, and ranges of numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError, model_validator

from shelfmind.errors import UserError, unknown_name
from shelfmind.validation import dotted, first_fault


def _number(value: Any) -> int | float:
    """A finite number, including text that YAML 1.1 does not parse as one: it reads ``1e-4`` as text, ``1.0e-4`` as a
    number."""
    if isinstance(value, str):
        try:
            value = float(value) if set(value.lower()) & set(".e") else int(value)
        except ValueError:
            raise ValueError(f"must be a number, got {value!r}") from None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"must be a number, got {value!r}")
    return value


Number = Annotated[int | float, BeforeValidator(_number)]


class Range(BaseModel):
    """Numbers from `low` to `high`, integers if both ends are; `log` samples uniformly on a logarithmic scale."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    low: Number
    high: Number
    log: bool = False

    @model_validator(mode="after")
    def _ascending(self) -> Range:
        if not self.low < self.high:
            raise ValueError(f"high must be greater than low, got low={self.low} and high={self.high}")
        if self.log and self.low <= 0:
            raise ValueError(f"low must be greater than 0 on a logarithmic scale, got {self.low}")
        return self

    @property
    def whole(self) -> bool:
        """Whether the range is of integers."""
        return isinstance(self.low, int) and isinstance(self.high, int)


Choices = tuple[Any, ...]
Space = dict[str, Range | Choices]


def parse_space(space: Mapping[str, Any]) -> Space:
    """The choices of each recipe key. Raises `UserError` naming the key."""
    return {str(name): _parsed(str(name), choice) for name, choice in space.items()}


def _parsed(name: str, choice: Any) -> Range | Choices:
    if isinstance(choice, Range):
        return choice
    if isinstance(choice, Mapping):
        try:
            return Range.model_validate(choice)
        except ValidationError as error:
            fault = first_fault(error)
            said = (
                unknown_name("key", dotted(fault.location), Range.model_fields)
                if fault.unknown
                else fault.sentence(dotted)
            )
            raise UserError(f"{name}: {said}") from None
    if isinstance(choice, list | tuple) and choice:
        return tuple(choice)
    raise UserError(f"{name} must be a list of choices or a range such as {{low: 0.01, high: 0.1}}, got {choice!r}")
