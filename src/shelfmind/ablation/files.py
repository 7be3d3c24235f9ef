"""The files of a table: JSON, CSV, Markdown and an HTML report."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from shelfmind.files import write_json, write_text
from shelfmind.pages import ablation_words as phrases
from shelfmind.pages.ablation_report import write_ablation_report
from shelfmind.requests.ablating import REPORT_FILE, RESULT_FILE
from shelfmind.tables import write_table

MARKDOWN_FILE, CSV_FILE = "table.md", "table.csv"
_COLUMNS = (
    "row",
    "against",
    "seeds",
    "mean",
    "spread",
    "difference",
    "low",
    "high",
    "difference_spread",
    "chance",
    "adjusted_chance",
    "verdict",
    "seconds",
    "processor_s",
    "memory_mib",
    "images_per_second",
    "top1",
    "macro_top1",
    "many",
    "medium",
    "few",
    "likelihood",
    "ece",
    "error",
)


def write_files(folder: Path, result: Mapping[str, Any]) -> None:
    """Write a table in all formats."""
    write_json(folder / RESULT_FILE, result)
    write_table(folder / CSV_FILE, _COLUMNS, [_cells(row) for row in result["rows"]])
    write_text(folder / MARKDOWN_FILE, markdown(result))
    write_ablation_report(folder / REPORT_FILE, result)


def markdown(result: Mapping[str, Any]) -> str:
    """The table as Markdown; the first line states what is held equal."""
    metric = result["metric"]
    lines = [
        phrases.fairness(result),
        "",
        f"**{phrases.words_of(result['about'])}** {phrases.evaluation_basis(result)}",
        "",
    ]
    columns = (
        "row",
        f"{phrases.metric_name(metric)} ± over seeds",
        "difference (95% over images)",
        "by seed",
        "verdict",
    )
    lines.append(f"| {' | '.join((*columns, 'minutes', 'processor minutes'))} |")
    lines.append("| --- | ---: | ---: | ---: | --- | ---: | ---: |")
    lines += [_line(row, metric) for row in result["rows"]]
    lines += ["", phrases.chance(result), *phrases.cautions(result)]
    failures = [(row["name"], each) for row in result["rows"] for each in row["failures"]]
    if failures:
        lines += ["", "Failed:", ""]
        lines += [f"- {name}{_of_seed(each['seed'])}: {each['error']}" for name, each in failures]
    return "\n".join(map(str, lines)) + "\n"


def _line(row: Mapping[str, Any], metric: str) -> str:
    found, cost, words = row.get("comparison"), row["cost"] or {}, phrases.description(row)
    name = row["name"] if row["against"] in (None, "base") else f"{row['name']} instead of {row['against']}"
    spread = "" if row["spread"] is None else f" ± {phrases.share(row['spread'], metric)}"
    difference = by_seed = ""
    if found is not None:
        low, high = (phrases.change(end, metric) for end in found["ci95"])
        difference = f"{phrases.change(found['difference'], metric)} ({low} to {high})"
        by_seed = ", ".join(phrases.change(each, metric) for each in found["by_seed"])
    cells = (
        f"{name}: {words}" if words else name,
        f"{phrases.share(row['mean'], metric)}{spread}",
        difference,
        by_seed,
        phrases.verdict(row),
        phrases.minutes(cost.get("seconds")),
        phrases.minutes(cost.get("processor_s")),
    )
    return f"| {' | '.join(str(cell).replace('|', '/') for cell in cells)} |"


def _cells(row: Mapping[str, Any]) -> list[str]:
    found, cost = row.get("comparison") or {}, row["cost"] or {}
    low, high = found.get("ci95", (None, None))
    values = {
        "row": row["name"],
        "against": row["against"],
        "seeds": " ".join(map(str, row["seeds"])),
        "mean": row["mean"],
        "spread": row["spread"],
        "low": low,
        "high": high,
        "difference_spread": found.get("spread"),
        "images_per_second": row["images_per_second"],
        "error": "; ".join(f"{each['error']}{_of_seed(each['seed'])}" for each in row["failures"]),
        **{key: found.get(key) for key in ("difference", "chance", "adjusted_chance", "verdict")},
        **{key: cost.get(key) for key in ("seconds", "processor_s", "memory_mib")},
        **row["figures"],
    }
    return [_written(values.get(name)) for name in _COLUMNS]


def _written(value: Any) -> str:
    return "" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)


def _of_seed(seed: int | None) -> str:
    return "" if seed is None else f" (seed {seed})"
