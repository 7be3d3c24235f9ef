"""The report of `ablate`: differences with intervals, other metrics, cost and failures."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from shelfmind.files import write_text
from shelfmind.pages import ablation_words as sentences
from shelfmind.pages.ablation_words import Row
from shelfmind.pages.row_charts import BarRow, IntervalRow, amount_chart, interval_chart
from shelfmind.pages.sections import PageSection, Table
from shelfmind.pages.templates import Chart, page_template
from shelfmind.pages.words import Text, say, translated

_STYLES = {"better": "c2", "worse": "c3", "none": "c1"}


def write_ablation_report(path: Path, result: Mapping[str, Any]) -> None:
    """Write the self-contained page; `result` is the content of `ablation.json`."""
    sections = [_differences(result), _figures(result), _changes(result)]
    if any(row["failures"] for row in result["rows"]):
        sections.append(_failures(result))
    page = page_template("pages/ablation.html.j2").render(
        title=sentences.words_of(result["about"]),
        lead=sentences.lead(result),
        fairness=sentences.fairness(result),
        evaluation_basis=sentences.evaluation_basis(result),
        chance=sentences.chance(result),
        cautions=sentences.cautions(result),
        sections=sections,
        made={
            say("data"): result["data"],
            say("table"): result["table"],
            say("base recipe"): result["recipe"],
            say("cores per training run"): result["cores"],
            say("parallel training runs"): result["jobs"],
        },
        recipe=result["base"],
    )
    write_text(path, page)


def _differences(result: Mapping[str, Any]) -> PageSection:
    metric = result["metric"]
    columns = (
        (say("row"), True),
        (say("description"), True),
        (say("verdict"), True),
        (sentences.metric_name(metric), False),
        (say("SD over seeds"), False),
        (say("difference"), False),
        (say("95% interval over images"), False),
        (say("SD of the difference"), False),
        (say("adjusted p"), False),
    )
    rows = [_line(row, metric) for row in result["rows"]]
    return PageSection(
        key="differences",
        title=say("Differences"),
        intro=say(
            "Each row is compared with its reference image by image, each image averaged over the seeds. The "
            "interval is over images: how much other photos of the same kind would change the result. The SD "
            "(standard deviation) is over seeds: how much another training run would change it; a single seed or an "
            "ensemble of all seeds says nothing about that. Verdicts take both into account, as far as known, and are "
            "corrected for the number of rows: an adjusted p below 0.05 counts as a difference (Holm's correction). "
            "About one in twenty tables without any true difference therefore claims one; tables with a single seed do "
            "so more often."
        ),
        charts=tuple(chart for chart in (_interval_chart(result), _cost_chart(result)) if chart is not None),
        tables=(Table(say("All rows"), columns, rows, len(rows)),),
    )


def _line(row: Row, metric: str) -> tuple[str, ...]:
    found = row.get("comparison")
    by = ("–",) * 4
    if found is not None:
        low, high = (sentences.change(end, metric) for end in found["ci95"])
        spread = "–" if found["spread"] is None else sentences.share(found["spread"], metric)
        chance = f"{found['adjusted_chance']:.3f}"
        by = (sentences.change(found["difference"], metric), say("{} to {}", low, high), spread, chance)
    figures = (sentences.share(row["mean"], metric), sentences.share(row["spread"], metric))
    return (_name(row), sentences.description(row), sentences.verdict(row), *figures, *by)


def _name(row: Row) -> Text:
    """Return the row's name, with its reference if that is not the base."""
    if row["against"] in (None, "base"):
        return Text(row["name"], row["name"])
    return say("{} instead of {}", row["name"], row["against"])


def _interval_chart(result: Mapping[str, Any]) -> Chart | None:
    metric = result["metric"]
    scale = 1.0 if metric == "likelihood" else 100.0
    rows = []
    for row in result["rows"]:
        found = row.get("comparison")
        if found is None:
            continue
        low, high = found["ci95"]
        values = (
            sentences.change(found["difference"], metric),
            sentences.change(low, metric),
            sentences.change(high, metric),
        )
        hover = say("{}: {}", _name(row), say("{} ({} to {})", *values))
        seeds = tuple(scale * each for each in found["by_seed"])
        rows.append(
            IntervalRow(
                _STYLES[found["verdict"]],
                _name(row),
                scale * found["difference"],
                scale * low,
                scale * high,
                hover,
                seeds,
            )
        )
    title = say("Difference from the reference")
    drawing = interval_chart(rows, title, sentences.unit(metric))
    note = say("Lines: 95% intervals over images. Small dots: single seeds.")
    key = (("c2", say("better")), ("c3", say("worse")), ("c1", say("no difference found")))
    return None if drawing is None else Chart(title, drawing, note, key)


def _cost_chart(result: Mapping[str, Any]) -> Chart | None:
    rows = [
        BarRow(
            Text(row["name"], row["name"]),
            row["cost"]["processor_s"] / 60,
            sentences.minutes(row["cost"]["processor_s"]),
        )
        for row in result["rows"]
        if row["cost"] is not None
    ]
    title = say("CPU minutes per seed")
    drawing = amount_chart(rows, title, say("CPU minutes"))
    note = say(
        "CPU time over all cores, including every training run that the row depends on, as if nothing were shared."
    )
    return None if drawing is None else Chart(title, drawing, note)


def _figures(result: Mapping[str, Any]) -> PageSection:
    keys = ("top1", "macro_top1", "many", "medium", "few")
    columns = (
        (say("row"), True),
        (say("Top-1"), False),
        (say("Macro top-1"), False),
        (say("Many-shot classes"), False),
        (say("Medium-shot classes"), False),
        (say("Few-shot classes"), False),
        (say("Log likelihood"), False),
        (say("Calibration error"), False),
    )
    rows = []
    for row in result["rows"]:
        figures = row["figures"]
        rows.append(
            (
                row["name"],
                *(sentences.share(figures.get(key), "top1") for key in keys),
                sentences.share(figures.get("likelihood"), "likelihood"),
                sentences.share(figures.get("ece"), "top1"),
            )
        )
    return PageSection(
        key="figures",
        title=say("Other metrics"),
        intro=say("Means over seeds. Only the deciding metric has verdicts; these are for orientation."),
        tables=(Table(say("Means over seeds"), columns, rows, len(rows)), _cost_table(result)),
    )


def _cost_table(result: Mapping[str, Any]) -> Table:
    columns = (
        (say("row"), True),
        (say("seeds"), False),
        (say("minutes"), False),
        (say("CPU minutes"), False),
        (say("MiB"), False),
        (say("Images / second"), False),
    )
    rows = []
    for row in result["rows"]:
        cost, speed = row["cost"] or {}, row["images_per_second"]
        times = (sentences.minutes(cost.get(key)) for key in ("seconds", "processor_s"))
        memory = cost.get("memory_mib")
        last = ("–" if each is None else f"{each:,.0f}" for each in (memory, speed))
        rows.append((row["name"], str(len(row["seeds"])), *times, *last))
    return Table(say("Cost per seed and prediction speed"), columns, rows, len(rows))


def _changes(result: Mapping[str, Any]) -> PageSection:
    rows = [
        (row["name"], key, value) for row in result["rows"] for key, value in (row["changes"] or {"–": "–"}).items()
    ]
    columns = ((say("row"), True), (say("setting"), True), (say("value"), True))
    return PageSection(
        key="changes",
        title=say("Changes per row"),
        intro=say("Everything else equals the base recipe at the end of this page."),
        tables=(Table(say("Changes to the base"), columns, rows, len(rows)),),
    )


def _failures(result: Mapping[str, Any]) -> PageSection:
    rows = [
        (row["name"], "–" if failure["seed"] is None else str(failure["seed"]), translated(failure["error"]))
        for row in result["rows"]
        for failure in row["failures"]
    ]
    columns = ((say("row"), True), (say("seed"), False), (say("Reason"), True))
    return PageSection(
        key="failures",
        title=say("Failures"),
        intro=say("Running the same command again retries only these."),
        tables=(Table(say("Failed training runs and evaluations"), columns, rows, len(rows)),),
    )
