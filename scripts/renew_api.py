"""Write the type stub `shelfmind/__init__.pyi`: public functions with types and documentation."""

from __future__ import annotations

import ast
import builtins
import textwrap
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import shelfmind
from shelfmind.api import definition, documentation, source_of
from shelfmind.requests.arguments import Argument, arguments, by_position
from shelfmind.verbs import VERBS, Verb

STUB = Path(shelfmind.__file__).with_suffix(".pyi")
START = '''"""Recognises retail products (SKUs) in product photos, on MindSpore."""

# Written by scripts/renew_api.py from the requests of the verbs.
'''


class Stub:
    """Collects the imports and definitions of the stub."""

    def __init__(self) -> None:
        self.imports: set[tuple[str, str]] = {("typing", "overload")}
        self.functions: list[str] = []

    def text(self) -> str:
        """Return the text of the stub."""
        for name, (module, attribute) in (shelfmind._LIGHT | shelfmind._ON_MINDSPORE).items():
            self.imports.add((module, f"{attribute} as {name}"))
        for name, verb in VERBS.items():
            if not verb.in_python:
                continue
            self.functions.append(self._function(name, verb))
        modules = sorted({module for module, _ in self.imports})
        lines = [f"from {module} import {', '.join(sorted(self._of(module)))}" for module in modules]
        names = "".join(f'    "{name}",\n' for name in sorted(shelfmind.__all__))
        return "\n".join([START, *lines, "", "__version__: str", f"__all__ = [\n{names}]", "", *self.functions])

    def _of(self, module: str) -> set[str]:
        return {name for of, name in self.imports if of == module}

    def _function(self, name: str, verb: Verb) -> str:
        request = verb.request_type
        self.imports.add((request.__module__, request.__name__))
        written = definition(verb.function)
        returns = self._written(verb, written.returns)
        watcher = f"watcher: {self._written(verb, written.args.args[1].annotation)} | None = None"
        places = [each for each in arguments(request) if by_position(each)]
        others = [each for each in arguments(request) if not by_position(each)]
        places.sort(key=lambda each: not each.required)
        said = textwrap.indent(f'"""{documentation(verb)}"""', "    ").strip()
        parameters = [*map(self._parameter, places), "*", *map(self._parameter, others), watcher]
        return "\n".join(
            [
                "@overload",
                f"def {name}(request: {request.__name__}, /, *, {watcher}) -> {returns}: ...",
                "@overload",
                f"def {name}(",
                *(f"    {parameter}," for parameter in parameters),
                f") -> {returns}:",
                f"    {said}",
                "",
            ]
        )

    def _parameter(self, each: Argument) -> str:
        default = "" if each.required else f" = {each.default!r}"
        if each.default is not None and not isinstance(each.default, (bool, int, float, str, tuple)):
            default = " = ..."
        return f"{each.name}: {self._type(each.annotation)}{default}"

    def _type(self, annotation: Any) -> str:
        """Return the accepted type: any string for a path, any sequence for a tuple."""
        origin, inner = get_origin(annotation), get_args(annotation)
        if annotation is type(None):
            return "None"
        if origin is Annotated:
            return self._type(inner[0])
        if origin in (Union, UnionType):
            return " | ".join(dict.fromkeys(self._type(kind) for kind in inner))
        if origin is Literal:
            self.imports.add(("typing", "Literal"))
            return f"Literal[{', '.join(map(repr, inner))}]"
        if origin is tuple and inner[-1] is ...:
            self.imports.add(("collections.abc", "Sequence"))
            return f"Sequence[{self._type(inner[0])}]"
        if origin is dict:
            self.imports.add(("collections.abc", "Mapping"))
            return f"Mapping[{', '.join(map(self._type, inner))}]"
        if origin is not None:
            return f"{origin.__name__}[{', '.join(map(self._type, inner))}]"
        if annotation.__module__ != "builtins":
            self.imports.add((annotation.__module__.replace("pathlib._local", "pathlib"), annotation.__name__))
        return "Path | str" if annotation is Path else str(annotation.__name__)

    def _written(self, verb: Verb, annotation: ast.expr | None) -> str:
        """Return an annotation of a verb's function as written in its source; collects the imports that it needs."""
        assert annotation is not None
        module = f"shelfmind.{verb.function.partition(':')[0]}"
        known = {
            alias.asname or alias.name: (line.module or "", alias.name)
            for line in ast.walk(source_of(verb.function))
            if isinstance(line, ast.ImportFrom)
            for alias in line.names
        }
        for each in ast.walk(annotation):
            if isinstance(each, ast.Name) and not hasattr(builtins, each.id):
                self.imports.add(known.get(each.id, (module, each.id)))
        return ast.unparse(annotation).removesuffix(" | None")


if __name__ == "__main__":
    STUB.write_text(Stub().text(), encoding="utf-8")
