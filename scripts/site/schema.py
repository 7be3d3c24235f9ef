"""Pydantic models as tables of keys: type, range, choices, default and meaning."""

from __future__ import annotations

import inspect
import json
import types
from collections.abc import Iterator
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import AfterValidator, BaseModel
from pydantic.fields import FieldInfo
from tables import code, plain, sentence, table

from shelfmind.choices import names_in

_BOUNDS = {"gt": ">", "ge": "≥", "lt": "<", "le": "≤"}
_WORDS = {int: "whole number", float: "number", str: "text", bool: "true or false", type(None): "null"}


def keys_table(model: type[BaseModel], prefix: str = "") -> str:
    """Return a table with a row per key of the model, prefixed with `prefix`."""
    rows = [
        (code(prefix + name), _kind(field), _default(field), _meaning(field))
        for name, field in model.model_fields.items()
    ]
    return table(("key", "value", "default", "meaning"), rows)


def _kind(field: FieldInfo) -> str:
    return _described(field.annotation, field.metadata)


def _described(annotation: Any, marks: list[Any]) -> str:
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _described(inner[0], [*marks, *inner[1:]])
    if origin in (Union, types.UnionType):
        return " or ".join(_described(each, marks if each is not type(None) else []) for each in inner)
    if origin is Literal:
        return ", ".join(code(str(each)) for each in inner)
    if origin is tuple and inner[-1] is ...:
        return f"list of {_several(inner[0])}"
    if origin is tuple:
        return (
            f"{len(inner)} {_several(inner[0])}"
            if len(set(inner)) == 1
            else "name, or name: {parameters}" + _choices(inner[0])
        )
    if origin is dict:
        return "mapping"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return f"keys of {annotation.__name__}"
    return _choices_of(marks) or _WORDS.get(annotation, plain(str(annotation))) + _range(marks)


def _several(inner: Any) -> str:
    said = _described(inner, [])
    return {"number": "numbers", "whole number": "whole numbers", "text": "texts"}.get(said, said)


def _choices(annotation: Any) -> str:
    names = _choices_of(list(get_args(annotation)[1:]))
    return f": {names}" if names else ""


def _choices_of(marks: list[Any]) -> str:
    """The names that `choices.choice_of` accepts."""
    return ", ".join(code(name) for mark in marks for name in _names(mark))


def _names(mark: Any) -> Iterator[str]:
    if isinstance(mark, AfterValidator):
        tables = inspect.getclosurevars(mark.func).nonlocals.get("tables")  # type: ignore[arg-type]
        yield from names_in(*tables) if tables else ()


def _range(marks: list[Any]) -> str:
    found = [
        f"{sign} {getattr(mark, bound):g}" for mark in marks for bound, sign in _BOUNDS.items() if hasattr(mark, bound)
    ]
    return f", {' and '.join(found)}" if found else ""


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    if isinstance(value, BaseModel):
        return ""
    return code(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def _meaning(field: FieldInfo) -> str:
    if field.description:
        return sentence(field.description)
    kind = next((each for each in (field.annotation, *get_args(field.annotation)) if _is_model(each)), None)
    return sentence((kind.__doc__ or "").splitlines()[0]) if kind else ""


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)
