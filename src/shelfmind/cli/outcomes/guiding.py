"""The outcomes of `recipes` and `init`."""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import typer

from shelfmind.cli.outcomes.figures import JsonFile, write_figures
from shelfmind.cli.outcomes.next_step import print_next_step
from shelfmind.cli.outcomes.tool import show_names
from shelfmind.cli.wording import as_typed
from shelfmind.display import Display
from shelfmind.nouns import counted, in_minutes

if TYPE_CHECKING:  # not needed for help
    from shelfmind.guidance.advice import Advice, Recommendation
    from shelfmind.guidance.situation import Machine, Situation
    from shelfmind.recipe import Recipe
    from shelfmind.requests.guiding import InitRequest, RecipesRequest
    from shelfmind.workflows.first_recipe import FirstRecipe


def show_recipes(
    recipes: Recipe | Recommendation | Mapping[str, str],
    request: RecipesRequest,
    display: Display,
    *,
    json_file: JsonFile = None,
) -> None:
    """Print all recipes, one recipe as YAML, or the recommendation for the photos."""
    from shelfmind.recipe import Recipe

    if isinstance(recipes, Mapping):
        show_names(recipes, ("recipe", "purpose"), json_file)
    elif isinstance(recipes, Recipe):
        write_figures(recipes.model_dump(mode="json"), json_file)
        if str(json_file) != "-":
            typer.echo(recipes.dump(), nl=False)
    else:
        _show_recommendation(recipes, json_file)


def show_first_recipe(
    outcome: FirstRecipe, request: InitRequest, display: Display, *, json_file: JsonFile = None
) -> None:
    """Print the recommendation, the path of the recipe, and the training command."""
    from shelfmind.guidance.advice import recommendation_json

    content = recommendation_json(outcome.recommendation, as_typed)
    command = _on_machine(as_typed(outcome.command), outcome.recommendation.situation.machine)
    write_figures({"recipe_file": str(outcome.path), "command": command, **content}, json_file)
    if str(json_file) != "-":
        for line in (*_facts(outcome.recommendation.situation), *_described(outcome.recommendation.first)):
            typer.echo(line)
    display.line(f"recipe: {outcome.path}")
    print_next_step(display, f"train, {_time(outcome.recommendation.first)}", command)


def _show_recommendation(recommendation: Recommendation, json_file: JsonFile) -> None:
    from shelfmind.guidance.advice import recommendation_json

    write_figures(recommendation_json(recommendation, as_typed), json_file)
    if str(json_file) == "-":
        return
    machine = recommendation.situation.machine
    for line in (*_facts(recommendation.situation), "", *_described(recommendation.first)):
        typer.echo(line)
    typer.echo(f"  {_on_machine(as_typed(recommendation.first.command), machine)}")
    second = recommendation.second
    if second is not None:
        for line in ("", *_described(second, f"alternative, {second.prefer}")):
            typer.echo(line)
        typer.echo(f"  {_on_machine(as_typed(second.command), machine)}")


def _facts(situation: Situation) -> Iterator[str]:
    photos, machine = situation.photos, situation.machine
    a_class = f"{photos.smallest:,} per product"
    if photos.smallest < photos.largest:
        a_class = f"{photos.smallest:,} to {photos.largest:,} per product, median {photos.typical:,}"
    side = "" if photos.longer_side is None else f", about {photos.longer_side} px long"
    yield (
        f"photos:  {counted(photos.train_photos, 'training photo')} of {counted(photos.classes, 'product')} "
        f"({a_class}){side}; {counted(photos.val_photos, 'photo')} for validation"
    )
    time = "no time limit" if situation.minutes is None else in_minutes(situation.minutes)
    yield f"machine: {machine.device}, {counted(machine.cores, 'core')}; {time}"


def _described(advice: Advice, when: str = "recommended") -> Iterator[str]:
    yield f"{when}: {advice.recipe or 'a gallery'}, {_time(advice)}"
    for subject, why in advice.reasons:
        yield f"  {subject}: {as_typed(why)}"


def _time(advice: Advice) -> str:
    """The estimated duration, rounded to its accuracy."""
    minutes = advice.minutes
    if minutes is None:
        return "no time estimate for this device"
    if advice.epochs is None and advice.recipe is not None:
        return in_minutes(minutes)
    if minutes < 1:
        return "less than a minute"
    if minutes < 90:
        long = counted(round(minutes), "minute")
    else:
        long = counted(round(minutes / 60), "hour") if minutes < 48 * 60 else counted(round(minutes / 1440), "day")
    return f"about {long} on an idle machine"


def _on_machine(command: str, machine: Machine) -> str:
    """The command, limited to some cores of this machine or to another device."""
    from shelfmind.machine.device import likely_device

    if machine.device != likely_device():
        return f"SHELFMIND_DEVICE={machine.device} {command}"
    usable = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    if machine.device == "CPU" and machine.cores < len(usable) and shutil.which("taskset"):
        return f"taskset -c {shlex.quote(','.join(map(str, usable[: machine.cores])))} {command}"
    return command
