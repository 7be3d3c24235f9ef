"""The reference of `import shelfmind`: the verbs as functions, read from the type stub."""

from __future__ import annotations

import ast
import inspect
import re

from links import ROOT
from tables import code, sentence, table

STUB = ROOT / "src" / "shelfmind" / "__init__.pyi"
_SECTION = re.compile(r"^(Args|Returns|Raises):\n", re.MULTILINE)
_ENTRY = re.compile(r"^    (?P<name>[\w.]+): (?P<said>.+(?:\n {8}.+)*)", re.MULTILINE)


def functions() -> str:
    """Return a section per verb: its arguments, return value and errors."""
    tree = ast.parse(STUB.read_text(encoding="utf-8"))
    by_names = [each for each in tree.body if isinstance(each, ast.FunctionDef) and ast.get_docstring(each)]
    return "\n".join(_function(each) for each in sorted(by_names, key=lambda each: each.name))


def other_names() -> list[tuple[str, str, str]]:
    """Return the public names other than the verbs: name, link to the description, and summary."""
    import shelfmind

    found = []
    for name, (module, attribute) in sorted((shelfmind._LIGHT | shelfmind._ON_MINDSPORE).items()):
        place, definition = _definition(module, attribute)
        said = (ast.get_docstring(definition) or "").split("\n\n")[0]
        found.append((name, f"{place.split('.')[1]}.md#{place}.{definition.name}", _line(said)))
    return found


def _definition(module: str, name: str) -> tuple[str, ast.FunctionDef | ast.ClassDef]:
    """Return the module that defines a name, following re-exports, and the definition."""
    path = STUB.parents[1].joinpath(*module.split("."))
    source = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    for each in ast.parse(source.read_text(encoding="utf-8")).body:
        if isinstance(each, (ast.FunctionDef, ast.ClassDef)) and each.name == name:
            return module, each
        if isinstance(each, ast.ImportFrom) and name in (alias.asname or alias.name for alias in each.names):
            return _definition(each.module or "", name)
    raise LookupError(f"{module} does not define {name}")


def _function(function: ast.FunctionDef) -> str:
    docstring = inspect.cleandoc(ast.get_docstring(function) or "")
    summary, *rest = _SECTION.split(docstring)
    parts = dict(zip(rest[::2], rest[1::2], strict=True))
    said = {found["name"]: _line(found["said"]) for found in _ENTRY.finditer(parts.get("Args", ""))}
    returns = ast.unparse(function.returns) if function.returns else "None"
    lines = [
        f"### `shelfmind.{function.name}` {{ #{function.name} }}\n",
        sentence(_line(summary)) + "\n",
        table(("argument", "type", "default", "meaning"), _arguments(function.args, said)),
        f"**Returns** {code(returns)}{_after(parts.get('Returns', ''))}\n",
    ]
    raised = [
        f"**Raises** {code(each['name'])}: {_line(each['said'])}\n" for each in _ENTRY.finditer(parts.get("Raises", ""))
    ]
    return "\n".join(lines + raised)


def _arguments(arguments: ast.arguments, said: dict[str, str]) -> list[tuple[str, ...]]:
    places = arguments.args
    missing = [None] * (len(places) - len(arguments.defaults))
    defaults = [*missing, *arguments.defaults, *arguments.kw_defaults]
    return [
        (
            code(each.arg),
            code(ast.unparse(each.annotation)) if each.annotation else "",
            code(ast.unparse(default)) if default is not None else "required",
            sentence(re.sub(r" \(default: [^()]*\)$", "", said.get(each.arg, ""))),
        )
        for each, default in zip([*places, *arguments.kwonlyargs], defaults, strict=True)
    ]


def _after(text: str) -> str:
    said = _line(text)
    return f": {said}" if said else ""


def _line(text: str) -> str:
    return " ".join(text.split())
