"""The verbs as Python functions, which load the modules of a verb when called."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from shelfmind.requests.calling import described, request_from, signature
from shelfmind.requests.watching import Observer
from shelfmind.verbs import VERBS, Verb


def function_of(name: str) -> Callable[..., Any]:
    """The function ``shelfmind.<name>``, with the arguments and descriptions of its request."""
    verb = VERBS[name]

    def called(*positional: Any, watcher: Observer | None = None, **names: Any) -> Any:
        return verb.run(request_from(verb.request_type, positional, names, name), watcher)

    called.__name__ = called.__qualname__ = name
    called.__module__ = "shelfmind"
    called.__doc__ = documentation(verb)
    called.__signature__ = signature(verb.request_type)  # type: ignore[attr-defined]
    return called


def documentation(verb: Verb) -> str:
    """The docstring of a verb: summary, arguments, return value and exceptions."""
    request = verb.request_type
    docstring = inspect.cleandoc(ast.get_docstring(definition(verb.function)) or "")
    endings = [part for part in docstring.split("\n\n") if part.startswith(("Returns:", "Raises:"))]
    return "\n\n".join([f"{verb.summary} {request.details}".strip(), described(request), *endings]) + "\n"


def source_of(target: str) -> ast.Module:
    """The syntax tree of the module of ``module:name``, without importing it."""
    spec = find_spec(f"shelfmind.{target.partition(':')[0]}")
    assert spec is not None
    assert spec.origin is not None
    return ast.parse(Path(spec.origin).read_text(encoding="utf-8"))


def definition(target: str) -> ast.FunctionDef:
    """The syntax tree of the function ``module:name``."""
    name = target.partition(":")[2]
    return next(each for each in source_of(target).body if isinstance(each, ast.FunctionDef) and each.name == name)
