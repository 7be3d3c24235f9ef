"""What both READMEs promise."""

from __future__ import annotations

from pathlib import Path

import pytest

from shelfmind.verbs import VERBS, command_words

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", ["README.md", "README.zh-CN.md"])
def test_every_verb_is_listed(name: str) -> None:
    rows = [line.split("|")[1] for line in (ROOT / name).read_text(encoding="utf-8").splitlines() if line[:3] == "| `"]
    listed = {word for cell in rows for word in cell.replace("`", " ").replace(",", " ").split()}
    assert {command_words(verb)[0] for verb in VERBS} <= listed
