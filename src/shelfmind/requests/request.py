"""The base class of all requests, and markers for fields beyond type, bounds and description."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from shelfmind.requests.faults import describe_fault


@dataclass(frozen=True)
class Positional:
    """A positional argument of the command."""

    metavar: str | None = None


@dataclass(init=False)
class Flag:
    """The flag of a field, if it is not ``--field-name``."""

    names: tuple[str, ...] = ()
    metavar: str | None = None
    repeated: bool | None = None
    """Whether it may be repeated. Tuples may be by default."""
    written: Callable[[Any], str] | None = None
    """Formats the default for help."""

    def __init__(
        self,
        *names: str,
        metavar: str | None = None,
        repeated: bool | None = None,
        written: Callable[[Any], str] | None = None,
    ) -> None:
        self.names, self.metavar, self.repeated, self.written = names, metavar, repeated, written


class NoFlag:
    """The command line has no flag for this field."""


class Incidental:
    """The field does not affect the outcome, or is recorded elsewhere: `Request.to_json` omits it."""


class Request(BaseModel):
    """The arguments of a verb: frozen; an unknown name or an invalid value raises `UserError`."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True, allow_inf_nan=False)

    examples: ClassVar[tuple[str, ...]] = ()
    """Example commands."""
    details: ClassVar[str] = ""
    """Help text below the summary."""

    if not TYPE_CHECKING:  # type checkers take the arguments from the fields

        def __init__(self, **values: Any) -> None:
            try:
                super().__init__(**values)
            except ValidationError as error:
                raise describe_fault(error, type(self)) from None

    def require_inputs(self) -> None:
        """Raise `UserError` for errors that are detectable before anything is loaded, such as a missing path."""

    @property
    def elsewhere(self) -> bool:
        """Whether other processes compute, so that MindSpore does not start in this one at once."""
        return False

    def advice_when_stopped(self) -> str | None:
        """How to resume after Ctrl-C, if there is saved progress."""
        return None

    def to_json(self) -> dict[str, Any]:
        """The arguments that affect the outcome, for its record."""
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
"""On a tuple: accept text such as ``flip,centre``."""
ONE_OR_MORE = BeforeValidator(_several)
"""On a tuple: accept a single value."""
