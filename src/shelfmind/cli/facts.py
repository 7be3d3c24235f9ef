"""The verbs about the tool itself: models, recipes, doctor."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from shelfmind.cli.application import app
from shelfmind.cli.options import (
    JsonFile,
    require_folder_of,
    write_figures,
)

PANEL = "About the tool"


@app.command(rich_help_panel=PANEL)
def models(
    name: Annotated[str | None, typer.Argument(help="draw this model's stages")] = None,
    measure: Annotated[bool, typer.Option("--measure", help="also measure images/s on this machine")] = False,
    json_output: Annotated[bool, typer.Option("--json", help="for machines")] = False,
) -> None:
    """List the models: parameters, cost, embedding width, official weights; or draw one's stages.

    Examples:

      shelfmind models

      shelfmind models se_resnext50 --measure

      shelfmind train photos --set model.name=resnet18 --out runs/resnet18
    """
    from shelfmind.display import models_table, stages_table
    from shelfmind.model_facts import model_facts

    facts = model_facts(name)
    if name is not None or measure:
        from shelfmind.machine.device import start_mindspore

        start_mindspore()
        from shelfmind.display import Display
        from shelfmind.inference.speed import inference_speed
        from shelfmind.models import create_model
        from shelfmind.models.complexity import parts

        display = Display()
        with display.showing():
            measured = display.counter("measuring models", len(facts), "models") if measure else None
            for row in facts:
                if measured is not None:
                    row["images_per_second"] = round(inference_speed(row["name"]), 1)
                    measured(1)
                if name is not None:
                    row["stages"] = [asdict(part) for part in parts(create_model(name, 1000))]
    if json_output:
        typer.echo(json.dumps(facts, indent=2))
        return
    Console().print(models_table(facts))
    if name is not None:
        Console().print(stages_table(facts[0]["stages"]))


@app.command(rich_help_panel=PANEL)
def recipes(
    name: Annotated[str | None, typer.Argument(help="show this recipe whole")] = None,
    json_output: Annotated[bool, typer.Option("--json", help="for machines")] = False,
) -> None:
    """List the recipes that come with shelfmind, or show one.

    Examples:

      shelfmind recipes

      shelfmind recipes grocery_cpu > mine.yaml
    """
    from shelfmind.recipe import load_recipe, recipe_names, recipe_text

    if name is not None:
        recipe = load_recipe(name)
        typer.echo(json.dumps(recipe.model_dump(mode="json"), indent=2) if json_output else recipe.dump(), nl=False)
        return
    rows = {known: _headline(recipe_text(known)) for known in recipe_names()}
    if json_output:
        typer.echo(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    table = Table("recipe", "what for")
    for known, headline in rows.items():
        table.add_row(known, headline)
    Console().print(table)


@app.command(rich_help_panel=PANEL)
def doctor(json_file: JsonFile = None) -> None:
    """Look at this machine: versions, device, memory, and whether convolutions run at full speed.

    Examples:

      shelfmind doctor

      shelfmind doctor --json machine.json
    """
    import shelfmind

    require_folder_of(json_file)
    facts = shelfmind.doctor()
    if json_file is None or str(json_file) != "-":
        table = Table("what", "found")
        for key, value in facts.items():
            if key not in ("problems", "versions"):
                table.add_row(key.replace("_", " "), str(value))
        for package, version in facts["versions"].items():
            table.add_row(package, version or "not installed")
        Console().print(table)
        for problem in facts["problems"]:
            typer.echo(f"problem: {problem}")
        if not facts["problems"]:
            typer.echo("no problems found")
    write_figures(facts, json_file)
    if facts["problems"]:
        raise typer.Exit(2)


def _headline(text: str) -> str:
    first = text.splitlines()[0] if text else ""
    return first.removeprefix("#").strip()
