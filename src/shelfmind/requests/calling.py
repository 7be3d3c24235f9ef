"""Makes Python functions of plain arguments from functions that take a request."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from shelfmind.errors import worded
from shelfmind.requests.arguments import Argument, arguments, by_position
from shelfmind.requests.request import Request

R = TypeVar("R", bound=Request)
W = TypeVar("W")
T = TypeVar("T")


def takes(request: type[R]) -> Callable[[Callable[[R, W], T]], Callable[..., T]]:
    """Allow ``verb(request, watcher)`` to be called as ``verb(data, out=..., watcher=...)``.

    A ready request is passed on unchanged. Raises `UserError` for invalid arguments.
    """

    def decorate(function: Callable[[R, W], T]) -> Callable[..., T]:
        @functools.wraps(function)
        def called(*positional: Any, watcher: W | None = None, **names: Any) -> T:
            made = request_from(request, positional, names, function.__name__)
            made.require_inputs()
            return function(made) if watcher is None else function(made, watcher)  # type: ignore[call-arg]

        called.__signature__ = signature(request)  # type: ignore[attr-defined]
        called.request_type = request  # type: ignore[attr-defined]
        return called

    return decorate


def request_from(request: type[R], positional: Sequence[Any], names: Mapping[str, Any], verb: str) -> R:
    """Build the request from positional and named arguments, or return the request that is the only argument."""
    if len(positional) == 1 and isinstance(positional[0], request) and not names:
        return positional[0]
    known = [each.name for each in arguments(request) if by_position(each)]
    if len(positional) > len(known):
        options = ", ".join(known) or "none"
        raise TypeError(
            f"{verb}() must have at most {len(known)} positional arguments ({options}), got {len(positional)}"
        )
    given = dict(zip(known, positional, strict=False))
    for name in names:
        if name in given:
            raise TypeError(f"{verb}() got two values for '{name}'")
    return request(**given, **names)


def signature(request: type[Request]) -> inspect.Signature:
    """The Python signature of a verb that takes `request`."""
    parameters = [
        inspect.Parameter(
            each.name,
            inspect.Parameter.POSITIONAL_OR_KEYWORD if by_position(each) else inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if each.required else each.default,
            annotation=each.annotation,
        )
        for each in sorted(arguments(request), key=lambda each: not each.required)
    ]
    parameters.sort(key=lambda each: each.kind)
    return inspect.Signature([*parameters, inspect.Parameter("watcher", inspect.Parameter.KEYWORD_ONLY, default=None)])


def described(request: type[Request]) -> str:
    """The ``Args:`` section of a docstring."""
    lines = (f"    {each.name}: {worded(each.description)}{_default(each)}" for each in arguments(request))
    return "\n".join(["Args:", *lines, "    watcher: Receives progress and messages."])


def _default(each: Argument) -> str:
    has_shown_default = not each.switch and each.default is not None and each.default not in ((), {})
    return f" (default: {each.written(each.default)})" if has_shown_default else ""
