"""The base of all requests, and what their fields say beyond type, bounds and description."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from shelfmind.requests.faults import describe_fault


@dataclass(frozen=True)
class Positional:
    """The command takes this field by its place, not by a flag."""

    metavar: str | None = None


@dataclass(init=False)
class Flag:
    """How the command names a field, where that is not ``--field-name``."""

    names: tuple[str, ...] = ()
    metavar: str | None = None
    repeated: bool | None = None
    """Whether it may be given several times, as a tuple may if nothing else is said."""
    written: Callable[[Any], str] | None = None
    """How help writes a default."""

    def __init__(
        self,
        *names: str,
        metavar: str | None = None,
        repeated: bool | None = None,
        written: Callable[[Any], str] | None = None,
    ) -> None:
        self.names, self.metavar, self.repeated, self.written = names, metavar, repeated, written


class NoFlag:
    """The command has no flag of its own for this field."""


class Incidental:
    """The field does not decide what comes out, or what it names is recorded otherwise: `Request.to_json` lacks it."""


class Request(BaseModel):
    """What a verb takes: frozen, and an unknown name or a value that does not fit is a `UserError`."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True, allow_inf_nan=False)

    examples: ClassVar[tuple[str, ...]] = ()
    """Commands that show the verb in use."""
    details: ClassVar[str] = ""
    """What help says below the summary."""

    if not TYPE_CHECKING:  # type checkers know the arguments from the fields

        def __init__(self, **values: Any) -> None:
            try:
                super().__init__(**values)
            except ValidationError as error:
                raise describe_fault(error, type(self)) from None

    def require_inputs(self) -> None:
        """Raise `UserError` for what can be seen to be wrong before anything is loaded, such as a missing path."""

    def advice_when_stopped(self) -> str | None:
        """How to go on after Ctrl-C, if anything is kept by then."""
        return None

    def to_json(self) -> dict[str, Any]:
        """What decides the outcome, for its record."""
        incidental = {
            name
            for name, field in type(self).model_fields.items()
            if any(isinstance(mark, Incidental) or mark is Incidental for mark in field.metadata)
        }
        return self.model_dump(mode="json", exclude=incidental)


def _split(value: Any) -> Any:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def _several(value: Any) -> Any:
    return (value,) if isinstance(value, (str, bytes)) or hasattr(value, "__fspath__") else value


COMMA_SEPARATED = BeforeValidator(_split)
"""On a tuple: a text such as ``flip,centre`` will do for it."""
ONE_OR_MORE = BeforeValidator(_several)
"""On a tuple: a single value will do for it."""
