"""Every name that a recipe may choose is a key of a table, and is known without importing what lies in it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import shelfmind
from shelfmind import choices
from shelfmind.recipe import parse_recipe

SOURCE = Path(shelfmind.__file__).parent
TABLES = sorted(
    {
        table
        for path in SOURCE.rglob("*.py")
        for table in re.findall(r'"([a-z_.]+:[A-Z]+)"', path.read_text(encoding="utf-8"))
    }
    | {f"transforms.augment:{table}" for table in ("AUGMENTATIONS", "FIRST", "LAST")}
)
"""Every table that is named somewhere as ``module:TABLE``."""
NOT_LOADED = """
import json, sys
from shelfmind.choices import names_in
from shelfmind.recipe import load_recipe
load_recipe("default", ["train.optimizer=adamw", "evaluation.tta=[flip]", "augment=[cutout, random_erasing]"])
print(json.dumps({table: names_in(table) for table in sys.argv[1:]}))
print(json.dumps([name for name in sys.modules if name.startswith(("mindspore", "shelfmind.losses", "numpy"))]))
"""


def test_there_are_tables() -> None:
    assert {"losses:LOSSES", "images.resize:RESIZES", "training.tasks:TASKS", "inference.views:VIEWS"} <= {*TABLES}


@pytest.mark.parametrize("place", TABLES)
def test_what_is_read_in_the_source_is_the_table(place: str, mindspore: Any) -> None:
    module, name = place.split(":")
    table = getattr(import_module(f"shelfmind.{module}"), name)
    assert list(choices._written(module, name)) == list(table)


def test_a_recipe_is_checked_without_loading_what_it_names() -> None:
    words = [sys.executable, "-c", NOT_LOADED, *TABLES]
    names, loaded = subprocess.run(words, capture_output=True, check=True, text=True).stdout.splitlines()
    assert json.loads(loaded) == []
    for place, found in json.loads(names).items():
        assert found == list(choices._written(*place.split(":")))


def test_what_a_program_adds_to_a_table_may_be_chosen(mindspore: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from shelfmind.losses import LOSSES

    monkeypatch.setitem(LOSSES, "mine", LOSSES["focal"])
    assert parse_recipe({"loss": {"name": "mine"}}, "own").loss.name == "mine"


def test_a_table_that_is_not_there_is_an_error_of_ours() -> None:
    with pytest.raises(LookupError, match=r"no table NONE in shelfmind\.losses"):
        choices.names_in("losses:NONE")
