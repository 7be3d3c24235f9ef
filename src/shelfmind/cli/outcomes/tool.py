"""The outcomes of the verbs about the tool itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from shelfmind.cli.outcomes.figures import JsonFile, write_figures
from shelfmind.display import Display, models_table, stages_table

if TYPE_CHECKING:  # not needed for help
    from shelfmind.requests.tool import DoctorRequest, ModelsRequest, VerifyRequest

PROBLEMS = 2
"""The exit status if there are problems."""
FACTS = {
    "cores": "usable cores",
    "memory_gb": "memory, GB",
    "cache_free_gb": "free space for the cache, GB",
    "kernels": "kernels for training",
    "instructions_of_mindspores_kernels": "instruction set of MindSpore's kernels",
    "idle_threads": "idle threads",
    "convolution_gflops": "convolution with MindSpore's kernels, GFLOP/s",
}
"""The facts about a machine in words, if the key is not one."""


def show_models(
    rows: Sequence[Mapping[str, Any]], request: ModelsRequest, display: Display, *, json_file: JsonFile = None
) -> None:
    """Print the table of models, and the stages of the requested one."""
    write_figures(rows, json_file)
    if str(json_file) == "-":
        return
    Console().print(models_table(rows))
    if request.name is not None:
        Console().print(stages_table(rows[0]["stages"]))


def show_names(words: Mapping[str, str], heads: tuple[str, str], json_file: JsonFile) -> None:
    """Print names and descriptions as a table or as JSON."""
    write_figures(dict(words), json_file)
    if str(json_file) == "-":
        return
    table = Table(*heads)
    for name, about in words.items():
        table.add_row(name, about)
    Console().print(table)


def show_verified(faults: Sequence[tuple[Path, str]], request: VerifyRequest, display: Display) -> None:
    """Print the damaged files, or that there are none, or that the checksums were recorded."""
    for path, what in faults:
        typer.echo(f"{path} {what}")
    if faults:
        raise typer.Exit(PROBLEMS)
    typer.echo("the checksums were recorded" if request.accept else "all files are intact")


def show_machine(
    facts: Mapping[str, Any], request: DoctorRequest, display: Display, *, json_file: JsonFile = None
) -> None:
    """Print the facts and problems."""
    if json_file is None or str(json_file) != "-":
        table = Table("item", Column("value", overflow="fold"))
        for key, value in facts.items():
            if key not in ("problems", "versions", "missing", "engines"):
                table.add_row(FACTS.get(key, key), escape(str(value)))
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
