"""Counted nouns: one or many, and no message that counts without asking which."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import shelfmind
from shelfmind.nouns import counted

SOURCE = Path(shelfmind.__file__).parent
NOUNS = "images|photos|classes|families|files|networks|labels|decisions|rows|lines|pictures|snapshots|runs|trials|cells"
COUNTING = re.compile(rf"^( more| training| usable)? ({NOUNS})\b(?!/)")
NOT_FOR_PEOPLE = {"recipe.py: {classes} classes"}
"""A part of the name that checkpoints are known by, which must stay as it is."""


@pytest.mark.parametrize(
    ("number", "words", "said"),
    [
        (1, ("image",), "1 image"),
        (0, ("image",), "0 images"),
        (2, ("class",), "2 classes"),
        (1234, ("confusable family",), "1,234 confusable families"),
        (3, ("day",), "3 days"),
        (1, ("file is", "files are"), "1 file is"),
        (2, ("file is", "files are"), "2 files are"),
    ],
)
def test_one_and_many(number: int, words: tuple[str, ...], said: str) -> None:
    assert counted(number, *words) == said


def test_no_message_counts_by_itself() -> None:
    """A number put before a plural reads "1 images" one day; constants, written in capitals, cannot."""
    found = {f"{path.name}: {said}" for path in SOURCE.rglob("*.py") for said in _numbers_before_plurals(path)}
    assert found == NOT_FOR_PEOPLE


def _numbers_before_plurals(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.JoinedStr):
            continue
        for value, text in zip(node.values, node.values[1:], strict=False):
            if not isinstance(value, ast.FormattedValue) or not isinstance(text, ast.Constant):
                continue
            said = ast.unparse(value.value)
            if COUNTING.match(str(text.value)) and not said.isupper() and not said.startswith("counted("):
                yield f"{{{said}}}{text.value}"
