"""What people are told about a value that does not fit: in their words, not in pydantic's."""

from __future__ import annotations

import math
from typing import Any

import pytest
from pydantic import BaseModel

from shelfmind.errors import UserError
from shelfmind.recipe import Recipe, parse_recipe
from shelfmind.shelf_generator.settings import Settings, make_settings

WRONG: list[Any] = ["three", "", -1, -0.5, 1e12, math.nan, math.inf, None, True, [], [1], {"a": 1}, {}]
FOREIGN = ("Input should", "valid ", "unable to", "Value error", "Field required", "Extra inputs", "validation")


def said(name: str, value: Any, section: str | None = None) -> str | None:
    try:
        if section is None:
            make_settings({name: value})
        else:
            parse_recipe({section: {name: value}}, "own")
    except UserError as error:
        return str(error)
    return None


def fields(model: type[BaseModel]) -> list[tuple[str | None, str]]:
    if model is Settings:
        return [(None, name) for name in model.model_fields]
    sections = {name: field.annotation for name, field in model.model_fields.items()}
    return [
        (section, name)
        for section, kind in sections.items()
        if isinstance(kind, type) and issubclass(kind, BaseModel)
        for name in kind.model_fields
    ]


@pytest.mark.parametrize(("section", "name"), [*fields(Recipe), *fields(Settings)])
def test_no_fault_speaks_of_pydantic(section: str | None, name: str) -> None:
    messages = [said(name, value, section) for value in WRONG]
    for message in filter(None, messages):
        assert name in message or "images" in message or "kind of label error" in message
        assert not any(words in message for words in FOREIGN), message
        assert len(message.splitlines()) == 1
    assert any(messages)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"train": {"epochs": 0}}, "train.epochs must be at least 1, got 0"),
        ({"train": {"epochs": "three"}}, "train.epochs must be a whole number, got 'three'"),
        ({"train": {"epochs": 2.5}}, "train.epochs must be a whole number, got 2.5"),
        ({"train": {"epochs": None}}, "train.epochs must be a whole number, got nothing"),
        ({"train": {"lr": 0}}, "train.lr must be greater than 0, got 0"),
        ({"train": {"momentum": 1}}, "train.momentum must be less than 1, got 1"),
        ({"train": {"amp": "of"}}, "train.amp must be auto, off or on, got 'of'; did you mean o"),
        ({"train": {"stages": [{"share": 1}]}}, "train.stages.0.image_size must be given"),
        ({"train": 3}, "train must be a section of keys, got 3"),
        ({"data": {"fill": [1, 2]}}, "data.fill must have 3 entries, got 2"),
        ({"data": {"fill": [1, 2, 3, 4]}}, "data.fill must have 3 entries, got 4"),
        ({"model": {"arguments": 3}}, "model.arguments must be a mapping of names to values, got 3"),
        ({"lr": 1}, "unknown key 'lr'; did you mean train.lr?"),
        ({"batch_size": 8}, "unknown key 'batch_size'; did you mean train.batch_size or evaluation.batch_size?"),
        ({"model": {"lr": 1}}, "unknown key 'model.lr'; did you mean train.lr?"),
        ({"epohcs": 1}, "unknown key 'epohcs'; did you mean train.epochs?"),
        ({"train": {"stages": [{"image_size": 32, "shares": 1}]}}, "unknown key 'train.stages.0.shares'; did you mean"),
    ],
)
def test_what_a_recipe_says(content: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError) as caught:
        parse_recipe(content, "own")
    assert str(caught.value).startswith(f"recipe own: {message}")
