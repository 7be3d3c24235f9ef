"""The one exception that means: the user can mend this; and how messages name what a verb takes.

A message that names an argument, a recipe's value or another verb is written once. `str(error)` puts it as Python has
it, ``max_minutes``; the command puts it as it is typed there, ``--max-minutes``. What is no error is a `Message`.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

Term = Mapping[str, Any]
"""A part of a message that Python and the command write differently: `argument`, `setting` or `verb`, and more."""
_TERM = re.compile("\x0e(\\{[^\x0e\x0f]*\\})\x0f")


class UserError(Exception):
    """A mistake or a missing thing on the user's side; the message says what, where, and what to do. Exit status 2."""

    @property
    def message(self) -> str:
        """The message with its terms, for `worded` and for messages that are built on it."""
        return str(self.args[0]) if self.args else ""

    def __str__(self) -> str:
        return worded(self.message)


class Message(str):
    """A note as Python has it, which remembers its terms, so that `worded` can put it for the command."""

    marked: str

    def __new__(cls, text: str) -> Message:
        """From a text with terms, or another message."""
        message = super().__new__(cls, worded(text))
        message.marked = marked(text)
        return message

    def __getnewargs__(self) -> tuple[str]:
        return (self.marked,)


def marked(text: str) -> str:
    """The text with its terms, for a message that is built on another."""
    return text.marked if isinstance(text, Message) else text


def argument(name: str, value: Any = None) -> str:
    """An argument of a verb, or what to give for it, inside a message: ``max_minutes``, or ``max_minutes=30``."""
    return _marked({"argument": name, "value": _plain(value)})


def setting(key: str, value: Any = None) -> str:
    """A value of a recipe inside a message: ``train.lr``, or ``train.lr=0.1``; the command has ``--set``, too."""
    return _marked({"setting": key, "value": _plain(value)})


def call(verb: str, **arguments: Any) -> str:
    """What to run, inside a message: ``shelfmind.train(data=DATA, out='first')``; capitals stand for a value."""
    return _marked({"verb": verb, "arguments": {name: _plain(value) for name, value in arguments.items()}})


def worded(message: str, word: Callable[[Term], str] | None = None) -> str:
    """The message with each term put by `word`; as Python has it if not given."""

    def put(found: re.Match[str]) -> str:
        try:
            return (word or _in_python)(json.loads(found[1]))
        except (ValueError, KeyError):  # a file name with these very characters in it
            return found[0]

    return _TERM.sub(put, marked(message))


def is_placeholder(value: Any) -> bool:
    """Whether a value only stands for one, such as DATA."""
    return isinstance(value, str) and value.isupper() and value.isidentifier()


def unknown_name(kind: str, name: str, known: Iterable[str]) -> UserError:
    """An error for a name that does not exist, with the nearest ones that do."""
    names = sorted(known)
    hint = nearest(name, names) or f"known: {', '.join(names)}"
    return UserError(f"unknown {kind} '{name}'; {hint}")


def nearest(name: str, known: Iterable[str]) -> str:
    """ "did you mean ...?" with the names that come near to this one; empty if none does."""
    near = difflib.get_close_matches(name, sorted(known), n=3, cutoff=0.4)
    return f"did you mean {' or '.join(near)}?" if near else ""


def _marked(term: Term) -> str:
    return f"\x0e{json.dumps(term)}\x0f"  # JSON escapes control characters, so that the end is the end


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
