"""Names that users can choose from: the keys of a table, read without importing its module."""

from __future__ import annotations

import ast
import sys
from functools import cache
from importlib.resources import files

from pydantic import AfterValidator

from shelfmind.errors import unknown_name


def choice_of(kind: str, *tables: str) -> AfterValidator:
    """A validator: the text must be a key of one of these tables, such as ``losses:LOSSES`` (relative to `shelfmind`).

    `kind` is what messages call the name.
    """

    def known(name: str) -> str:
        names = names_in(*tables)
        if name not in names:
            raise ValueError(str(unknown_name(kind, name, names)))
        return name

    return AfterValidator(known)


def names_in(*tables: str) -> tuple[str, ...]:
    """The keys of tables in order, such as ``losses:LOSSES`` (relative to `shelfmind`).

    The keys of a loaded module are read from the module, including entries added at run time. Otherwise they are read
    from the source: recipes are checked before MindSpore is loaded, which most tables need.
    """
    return tuple(name for table in tables for name in _names(*table.split(":")))


def _names(module: str, table: str) -> tuple[str, ...]:
    loaded = getattr(sys.modules.get(f"shelfmind.{module}"), table, None)
    return _written(module, table) if loaded is None else tuple(loaded)


@cache
def _written(module: str, table: str) -> tuple[str, ...]:
    """The keys of ``table = {"name": ..., ...}`` in the source of a module, without importing it."""
    path = files("shelfmind").joinpath(*module.split("."))
    source = path / "__init__.py" if path.is_dir() else files("shelfmind").joinpath(f"{module.replace('.', '/')}.py")
    for node in ast.parse(source.read_text(encoding="utf-8")).body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if any(isinstance(target, ast.Name) and target.id == table for target in targets):
            value = getattr(node, "value", None)
            assert isinstance(value, ast.Dict)
            return tuple(str(key.value) for key in value.keys if isinstance(key, ast.Constant))
    raise LookupError(f"there is no table {table} in shelfmind.{module}")
