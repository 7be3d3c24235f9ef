"""A recommendation as a commented recipe file, and its training command."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

from shelfmind.errors import Message, call
from shelfmind.guidance.advice import Advice, Recommendation
from shelfmind.nouns import counted


def command_of(advice: Advice, recipe: Path) -> Message:
    """The command that trains with the file; settings outside of recipes stay arguments."""
    in_file = {"overrides", "weights", "epochs"}
    kept = {name: value for name, value in advice.arguments.items() if name not in in_file}
    return Message(call(advice.verb, **{**kept, "recipe": str(recipe)}))


def recipe_file(recommendation: Recommendation, command: Message, word: Callable[[str], str] = str) -> str:
    """The text of the file: comments with data set, command and reasons, and a recipe that extends a packaged one."""
    advice, photos = recommendation.first, recommendation.situation.photos
    made_for = f"{counted(photos.train_photos, 'training photo')} of {counted(photos.classes, 'product')}"
    comments = [f"For {made_for}, written by shelfmind init.", f"Train with: {word(command)}"]
    comments += [f"{subject}: {word(why)}" for subject, why in advice.reasons]
    content: dict[str, Any] = {"extends": advice.recipe}
    changes = {**advice.changes, **({} if advice.epochs is None else {"train.epochs": advice.epochs})}
    for key, value in changes.items():
        section, _, name = key.partition(".")
        content.setdefault(section, {})[name] = value
    return "".join(f"# {' '.join(comment.split())}\n" for comment in comments) + _yaml(content)


def _yaml(content: Mapping[str, Any]) -> str:
    return str(yaml.safe_dump(dict(content), sort_keys=False, allow_unicode=True))
