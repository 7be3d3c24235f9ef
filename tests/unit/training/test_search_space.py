"""Search spaces: numbers as YAML and people write them, and mistakes that name their key."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from shelfmind.errors import UserError
from shelfmind.overrides import format_override
from shelfmind.recipe import load_recipe
from shelfmind.training.search_space import Range, parse_space


@pytest.mark.parametrize(
    ("text", "expected", "whole"),
    [
        ("{low: 1e-4, high: 1e-2, log: true}", Range(low=1e-4, high=1e-2, log=True), False),
        ("{low: 0.01, high: 1}", Range(low=0.01, high=1.0), False),
        ("{low: 16, high: '64'}", Range(low=16, high=64), True),
        ("{low: -1.5E-3, high: 0}", Range(low=-0.0015, high=0), False),
    ],
)
def test_a_range_is_of_numbers_however_written(text: str, expected: Range, whole: bool) -> None:
    (parsed,) = parse_space({"train.lr": yaml.safe_load(text)}).values()
    assert parsed == expected
    assert isinstance(parsed, Range)
    assert parsed.whole == whole


def test_choices_stay_as_they_are() -> None:
    assert parse_space({"augment": ["light", "strong"]}) == {"augment": ("light", "strong")}


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        ({"low": 0.1, "high": 0.01}, r"^k\.e: high must be greater than low, got low=0\.1 and high=0\.01$"),
        ({"low": "small", "high": 1}, r"^k\.e: low must be a number, got 'small'$"),
        ({"low": 0, "high": True}, r"^k\.e: high must be a number, got True$"),
        ({"low": 0, "high": float("inf")}, r"^k\.e: high must be a number, got inf$"),
        ({"low": 0, "high": 1, "log": True}, r"^k\.e: low must be greater than 0 on a logarithmic scale, got 0$"),
        ({"low": 0, "high": 1, "log": "often"}, r"^k\.e: log must be true or false, got 'often'$"),
        ({"low": 0}, r"^k\.e: high must be given$"),
        ({"low": 0, "high": 1, "lgo": True}, r"^k\.e: unknown key 'lgo'; did you mean low or log\?$"),
        ([], r"^k\.e must be a list of choices or a range such as .*, got \[\]$"),
        (0.1, r"^k\.e must be a list of choices or a range such as .*, got 0\.1$"),
    ],
)
def test_mistakes_are_one_line_with_their_key(choice: Any, said: str) -> None:
    with pytest.raises(UserError, match=said) as caught:
        parse_space({"k.e": choice})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("value", [1e-05, 0.5, 3, "light", True, None, ["a", 1e-7], {"gamma": 1e-9}])
def test_a_value_reaches_the_recipe_as_it_is(value: Any) -> None:
    recipe = load_recipe("default", [format_override("model.arguments.x", value)])
    assert recipe.model.arguments["x"] == value
    assert type(recipe.model.arguments["x"]) is type(value)
