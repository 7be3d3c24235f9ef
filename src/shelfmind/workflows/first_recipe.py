"""Writes a first recipe for a data set, and gives the training command."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from shelfmind.data import require_outside
from shelfmind.errors import Message, UserError, argument
from shelfmind.files import make_folder, write_text
from shelfmind.guidance.advice import Recommendation
from shelfmind.guidance.places import unused
from shelfmind.guidance.recipe_file import command_of, recipe_file
from shelfmind.requests.calling import takes
from shelfmind.requests.guiding import InitRequest
from shelfmind.requests.watching import SILENT, Observer
from shelfmind.runs.folder import require_new_folder
from shelfmind.workflows.recommendation import FIRST_RUN, recommended


@dataclass(frozen=True)
class FirstRecipe:
    """The recipe file, the recommendation behind it, and the training command."""

    path: Path
    recommendation: Recommendation
    command: Message


@takes(InitRequest)
def init(request: InitRequest, watcher: Observer = SILENT) -> FirstRecipe:
    """Write a commented recipe file for a data set.

    Returns:
        The file, the recommendation behind it, and the training command.

    Raises:
        UserError: unusable data, or an output path that exists.
    """
    assert request.data is not None
    out = request.out or unused(FIRST_RUN, ".yaml")
    path = request.recipe or default_recipe_path(out)
    require_free_places(request.data, out, path)
    recommendation = recommended(request.data, request, out, watcher)
    command = command_of(recommendation.first, path)
    make_folder(path.parent)
    write_text(path, recipe_file(recommendation, command, watcher.worded))
    return FirstRecipe(path, recommendation, command)


def default_recipe_path(out: Path) -> Path:
    """The default recipe file of a new run."""
    return Path(f"{out}.yaml")


def require_free_places(data: Path, out: Path, recipe: Path) -> None:
    """Raise `UserError` if the run folder or recipe file exists, or lies inside the data set."""
    require_new_folder(out)
    for place in (out, recipe):
        require_outside(data, place)
    if os.path.lexists(recipe):
        raise UserError(f"{recipe} exists already; choose another {argument('recipe')} or {argument('out')}")
