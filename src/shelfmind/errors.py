"""The exception for errors that the user can fix, and how messages name arguments of verbs.

A message that names an argument, a recipe value or another verb is written once. `str(error)` words it for Python,
``max_minutes``; the command words it for the command line, ``--max-minutes``. Messages that are not errors are a
`Message`.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

Term = Mapping[str, Any]
"""A part of a message that differs between Python and the command line: `argument`, `setting` or `verb`."""
_TERM = re.compile("\x0e(\\{[^\x0e\x0f]*\\})\x0f")


class UserError(Exception):
    """An error that the user can fix. The message says what is wrong, where, and what to do."""

    status = 2
    """The exit status of the command."""

    @property
    def message(self) -> str:
        """The message with its terms, for `worded` and for messages built on it."""
        return str(self.args[0]) if self.args else ""

    def __str__(self) -> str:
        return worded(self.message)


class LostProcessError(UserError):
    """A process of a job died, for a reason outside of shelfmind and its input."""

    status = 1


class Message(str):
    """A note worded for Python that keeps its terms, so that `worded` can word it for the command line."""

    marked: str

    def __new__(cls, text: str) -> Message:
        """Create from a text with terms, or from another message."""
        message = super().__new__(cls, worded(text))
        message.marked = marked(text)
        return message

    def __getnewargs__(self) -> tuple[str]:
        return (self.marked,)


def marked(text: str) -> str:
    """The text with its terms, for a message built on another."""
    return text.marked if isinstance(text, Message) else text


def argument(name: str, value: Any = None) -> str:
    """An argument of a verb inside a message, optionally with a value: ``max_minutes``, or ``max_minutes=30``."""
    return _marked({"argument": name, "value": _plain(value)})


def setting(key: str, value: Any = None) -> str:
    """A recipe key inside a message, optionally with a value: ``train.lr``, or ``train.lr=0.1``; on the command line
    prefixed by ``--set``."""
    return _marked({"setting": key, "value": _plain(value)})


def call(verb: str, **arguments: Any) -> str:
    """A command inside a message: ``shelfmind.train(data=DATA, out='first')``; capitals are placeholders, and arguments
    that are None are left out."""
    given = {name: _plain(value) for name, value in arguments.items() if value is not None}
    return _marked({"verb": verb, "arguments": given})


def worded(message: str, word: Callable[[Term], str] | None = None) -> str:
    """The message with each term worded by `word`, by default for Python."""

    def put(found: re.Match[str]) -> str:
        try:
            return (word or _in_python)(json.loads(found[1]))
        except (ValueError, KeyError):  # a file name that contains these characters
            return found[0]

    return _TERM.sub(put, marked(message))


def is_placeholder(value: Any) -> bool:
    """Whether a value is a placeholder, such as DATA."""
    return isinstance(value, str) and value.isupper() and value.isidentifier()


def unknown_name(kind: str, name: str, known: Iterable[str]) -> UserError:
    """The error for an unknown name, with the closest known names."""
    names = sorted(known)
    hint = nearest(name, names) or f"known: {', '.join(names)}"
    return UserError(f"unknown {kind} '{name}'; {hint}")


def nearest(name: str, known: Iterable[str]) -> str:
    """ "did you mean ...?" with the closest names; empty if none is close."""
    near = difflib.get_close_matches(name, sorted(known), n=3, cutoff=0.4)
    return f"did you mean {' or '.join(near)}?" if near else ""


def _marked(term: Term) -> str:
    return f"\x0e{json.dumps(term)}\x0f"  # JSON escapes control characters, so the end marker is unique


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, (str, int, float, bool, list, tuple)) else str(value)


def _in_python(term: Term) -> str:
    if "verb" in term:
        written = (f"{name}={_literal(value)}" for name, value in term["arguments"].items())
        return f"shelfmind.{term['verb']}({', '.join(written)})"
    name, value = term.get("argument") or term.get("setting"), term.get("value")
    if value is None:
        return str(name)
    return f"{name}={_literal(value) if 'argument' in term else value}"


def _literal(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_literal, value))}]"
    return str(value) if is_placeholder(value) else repr(value)
