"""The verbs about the tool itself: models, recipes, doctor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from shelfmind.guidance.advice import Recommendation
from shelfmind.model_facts import model_facts
from shelfmind.recipe import Recipe, load_recipe, recipe_names, recipe_text
from shelfmind.requests.guiding import RecipesRequest
from shelfmind.requests.tool import DoctorRequest, ModelsRequest
from shelfmind.requests.watching import SILENT, Observer
from shelfmind.workflows.recommendation import recommended


def describe_models(request: ModelsRequest, watcher: Observer = SILENT) -> list[dict[str, Any]]:
    """Facts about all models, or about one with its stages; MindSpore is loaded only for stages and speed.

    Returns:
        One row per model as in `model_facts`, optionally with ``images_per_second`` and ``stages``.

    Raises:
        UserError: there is no such model.
    """
    rows = model_facts(request.name)
    if request.name is None and not request.measure:
        return rows
    from shelfmind.machine.device import start_mindspore

    start_mindspore()
    from shelfmind.inference.speed import inference_speed
    from shelfmind.models import create_model
    from shelfmind.models.complexity import parts

    progress = watcher.counter("measuring models", len(rows), "models") if request.measure else None
    for row in rows:
        if progress is not None:
            row["images_per_second"] = round(inference_speed(row["name"]), 1)
            progress(1)
        if request.name is not None:
            row["stages"] = [asdict(part) for part in parts(create_model(row["name"], 1000))]
    return rows


def describe_recipes(
    request: RecipesRequest, watcher: Observer = SILENT
) -> Recipe | Recommendation | Mapping[str, str]:
    """The packaged recipes, or a recommendation for a data set.

    Returns:
        The purposes by name; or the requested recipe; or the recommendation for the data.

    Raises:
        UserError: there is no such recipe, or the data is unusable.
    """
    if request.data is not None:
        return recommended(request.data, request, watcher=watcher)
    if request.name is not None:
        return load_recipe(request.name)
    return {name: _headline(recipe_text(name)) for name in recipe_names()}


def examine_machine(request: DoctorRequest, watcher: Observer = SILENT) -> dict[str, Any]:
    """Check this machine: versions, device, memory, and the speed of convolutions.

    Returns:
        Facts by name, and `problems`, each with a fix.
    """
    from shelfmind.inference.engines.choice import engine_facts
    from shelfmind.machine.doctor import examine

    facts = examine()
    problems = facts.pop("problems")
    return {**facts, "engines": engine_facts(), "problems": problems}


def _headline(text: str) -> str:
    first = text.splitlines()[0] if text else ""
    return first.removeprefix("#").strip()
