"""Words the terms of messages as they are typed on the command line."""

from __future__ import annotations

import shlex
from typing import Any

from shelfmind.errors import Term, is_placeholder, worded
from shelfmind.requests.arguments import arguments
from shelfmind.requests.request import Request
from shelfmind.verbs import VERBS, command_words


def as_typed(message: str, request: type[Request] | None = None) -> str:
    """The message with the flags of the command of `request`; unknown names stay unchanged.

    Without a request each name becomes the flag of the same name.
    """

    def word(term: Term) -> str:
        if "verb" in term:
            return _call(str(term["verb"]), term["arguments"])
        if "setting" in term:
            return _with_value(f"--set {term['setting']}", term["value"], "=")
        return _argument(str(term["argument"]), term["value"], request)

    return worded(message, word)


def _argument(name: str, value: Any, request: type[Request] | None) -> str:
    known = {} if request is None else {each.name: each for each in arguments(request)}
    if request is None:
        return _option(f"--{name.replace('_', '-')}", value)
    if name not in known:
        return _with_value(name, value, "=")
    if not known[name].in_command and "overrides" in known:
        return _with_value(f"--set {name}", value, "=")
    return _option(known[name].on_command_line, value)


def _call(verb: str, given: dict[str, Any]) -> str:
    """The command line, positional arguments first."""
    known = {each.name: each for each in arguments(VERBS[verb].request_type)}
    positional = [_values(given[name]) for name, each in known.items() if each.positional and name in given]
    options = [
        _option(known[name].on_command_line, value) for name, value in given.items() if not known[name].positional
    ]
    return " ".join(["shelfmind", *command_words(verb), *positional, *options])


def _option(flag: str, value: Any) -> str:
    if value is None or value is True:
        return flag
    return " ".join(f"{flag} {_quoted(one)}" for one in (value if isinstance(value, list) else [value]))


def _values(value: Any) -> str:
    return " ".join(_quoted(one) for one in (value if isinstance(value, list) else [value]))


def _with_value(name: str, value: Any, separator: str) -> str:
    return name if value is None else f"{name}{separator}{_quoted(value)}"


def _quoted(value: Any) -> str:
    return str(value) if is_placeholder(value) else shlex.quote(str(value))
