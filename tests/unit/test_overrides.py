"""Words that change a setting."""

from __future__ import annotations

import re

import pytest

from shelfmind.errors import UserError
from shelfmind.overrides import parse_override


def test_the_value_is_yaml() -> None:
    assert parse_override("train.epochs=3", "a=1") == ("train.epochs", 3)
    assert parse_override(" widths = [8, 16]", "a=1") == ("widths", [8, 16])
    assert parse_override("name=a=b", "a=1") == ("name", "a=b")
    assert parse_override("name=", "a=1") == ("name", None)


@pytest.mark.parametrize("text", ["train.epochs", "=3", "  =3"])
def test_what_is_no_pair_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(UserError, match=r"must have the form KEY=VALUE, such as glare=0\.6, got"):
        parse_override(text, "glare=0.6")


@pytest.mark.parametrize("value", ["[1", "2026-99-99", "[" * 3000])
def test_a_value_that_is_no_yaml_is_refused(value: str) -> None:
    with pytest.raises(UserError, match=rf"the value of a={re.escape(value)} must be valid YAML"):
        parse_override(f"a={value}", "glare=0.6")
