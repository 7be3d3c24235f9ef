"""The outcomes of `ablate` and `ablations`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import typer
import yaml
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from shelfmind.cli.outcomes.figures import JsonFile, write_figures
from shelfmind.cli.outcomes.tool import show_names
from shelfmind.display import Display

if TYPE_CHECKING:  # not needed for help
    from shelfmind.requests.ablating import AblateRequest, AblationsRequest

FAILED = 1
"""The exit status if the table is written but a row has failed."""


def show_ablation(
    result: Mapping[str, Any], request: AblateRequest, display: Display, *, json_file: JsonFile = None
) -> None:
    """Print the table, its statistics and the paths of the files; exit with status 1 if a row has failed."""
    from shelfmind.pages import ablation_words as sentences

    write_figures(dict(result), json_file)
    console, metric = Console(stderr=str(json_file) == "-"), result["metric"]
    console.print(str(sentences.fairness(result)), highlight=False)
    table = Table(title=escape(result["about"]["en"]))
    table.add_column("row", overflow="fold")
    for head in (str(sentences.metric_name(metric)), "difference (95%)"):
        table.add_column(head, no_wrap=True)
    for head in ("verdict", "minutes"):
        table.add_column(head)
    for row in result["rows"]:
        table.add_row(*map(escape, _cells(row, metric)))
    console.print(table)
    for line in (sentences.evaluation_basis(result), sentences.chance(result), *sentences.cautions(result)):
        display.line(str(line))
    folder = request.out / result["table"]
    for name in ("report.html", "table.md", "table.csv", "ablation.json"):
        display.line(f"{'report' if name == 'report.html' else 'table'}: {folder / name}")
    if any(row["failures"] for row in result["rows"]):
        raise typer.Exit(FAILED)


def _cells(row: Mapping[str, Any], metric: str) -> list[str]:
    from shelfmind.pages import ablation_words as sentences

    found, mean, difference = row.get("comparison"), sentences.share(row["mean"], metric), ""
    if found is not None:
        interval = " to ".join(sentences.change(end, metric) for end in found["ci95"])
        difference = f"{sentences.change(found['difference'], metric)} ({interval})"
    if row["spread"] is not None:
        mean = f"{mean} ± {sentences.share(row['spread'], metric)}"
    minutes = sentences.minutes((row["cost"] or {}).get("seconds"))
    return [row["name"], mean, difference, str(sentences.verdict(row)), minutes]


def show_tables(
    tables: str | Mapping[str, str], request: AblationsRequest, display: Display, *, json_file: JsonFile = None
) -> None:
    """Print the question of each table, or one table as YAML."""
    if isinstance(tables, str):
        write_figures(yaml.safe_load(tables), json_file)
        if str(json_file) != "-":
            typer.echo(tables, nl=False)
        return
    show_names(tables, ("table", "question"), json_file)
