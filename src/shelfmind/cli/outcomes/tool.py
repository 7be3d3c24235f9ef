"""What the verbs about the tool itself came to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from shelfmind.cli.outcomes.figures import JsonFile, write_figures
from shelfmind.display import Display, models_table, stages_table

if TYPE_CHECKING:  # a command's help does without them
    from shelfmind.requests.tool import DoctorRequest, ModelsRequest

PROBLEMS = 2
"""The exit status where something stands in the way."""


def show_models(
    rows: Sequence[Mapping[str, Any]], request: ModelsRequest, display: Display, *, json_file: JsonFile = None
) -> None:
    """The table, and the stages of the one that was asked for."""
    write_figures(rows, json_file)
    if str(json_file) == "-":
        return
    Console().print(models_table(rows))
    if request.name is not None:
        Console().print(stages_table(rows[0]["stages"]))


def show_names(words: Mapping[str, str], heads: tuple[str, str], json_file: JsonFile) -> None:
    """Names and what each is about, as a table or as JSON."""
    write_figures(dict(words), json_file)
    if str(json_file) == "-":
        return
    table = Table(*heads)
    for name, about in words.items():
        table.add_row(name, about)
    Console().print(table)


def show_machine(
    facts: Mapping[str, Any], request: DoctorRequest, display: Display, *, json_file: JsonFile = None
) -> None:
    """What was found, and what stands in the way."""
    if json_file is None or str(json_file) != "-":
        table = Table("what", "found")
        for key, value in facts.items():
            if key not in ("problems", "versions", "missing", "engines"):
                table.add_row(key.replace("_", " "), escape(str(value)))
        for name, found in facts["engines"].items():
            table.add_row(f"engine {name}", escape(found))
        for package, version in facts["versions"].items():
            table.add_row(package, version or "not installed")
        Console().print(table)
        for package, what in facts["missing"].items():
            typer.echo(f"not installed: {package}, needed {what}")
        for problem in facts["problems"]:
            typer.echo(f"problem: {problem}")
        if not facts["problems"]:
            typer.echo("no problems found")
    write_figures(facts, json_file)
    if facts["problems"]:
        raise typer.Exit(PROBLEMS)
