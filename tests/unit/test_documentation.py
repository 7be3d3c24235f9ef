"""What the documentation names is there."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path

import pytest

from shelfmind.recipe import Recipe

ROOT = Path(__file__).parents[2]
DOTTED = re.compile(r"`([a-z_]+(?:\.[A-Za-z_]+)+)`")
FILES = (".csv", ".json", ".jsonl", ".html", ".npz", ".npy", ".ckpt", ".yaml", ".sqlite", ".pyi", ".lock", ".yml")


def is_of_a_recipe(name: str) -> bool:
    """Whether it is a key of recipes, such as ``train.lr``."""
    kind = Recipe
    for part in name.split("."):
        field = getattr(kind, "model_fields", {}).get(part)
        if field is None:
            return False
        kind = field.annotation
    return True


def is_of_the_package(name: str) -> bool:
    """Whether a module of the package goes by this name, or by its beginning and names the rest in its text."""
    parts = name.removeprefix("shelfmind.").split(".")
    for place in range(len(parts), 0, -1):
        try:
            spec = find_spec(".".join(("shelfmind", *parts[:place])))
        except ModuleNotFoundError:
            continue
        if spec is not None and spec.origin is not None:
            said = Path(spec.origin).read_text(encoding="utf-8")
            return all(re.search(rf"\b{part}\b", said) for part in parts[place:])
    return False


@pytest.mark.parametrize(
    "file",
    [
        "docs/architecture.md",
        "docs/training.md",
        "docs/glossary.md",
        "docs/faq.md",
        "docs/explanation.md",
        "CONTRIBUTING.md",
    ],
)
def test_names_are_those_of_modules_and_recipes(file: str) -> None:
    named = {name for name in DOTTED.findall((ROOT / file).read_text(encoding="utf-8")) if not name.endswith(FILES)}
    assert {name for name in named if not is_of_a_recipe(name) and not is_of_the_package(name)} == set()


def test_a_name_that_is_gone_would_be_found() -> None:
    assert not is_of_the_package("runtime.device.start_mindspore")
    assert not is_of_the_package("machine.device.start_engines")
    assert is_of_the_package("machine.device.start_mindspore")
    assert is_of_a_recipe("train.lr")
    assert not is_of_a_recipe("train.rl")


GENERATED = "docs/reference/"
"""Pages that exist in the site only."""
LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)\s#]+)(?:#[^)\s]*)?\)")


@pytest.mark.parametrize("page", sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs").rglob("*.md")))
def test_links_work_in_the_repository_too(page: str) -> None:
    text = re.sub(r"^```.*?^```", "", (ROOT / page).read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    targets = {(ROOT / page).parent.joinpath(target).resolve() for target in LINK.findall(text)}
    dead = {str(target.relative_to(ROOT)) for target in targets if not target.exists()}
    assert {target for target in dead if not target.startswith(GENERATED)} == set()
