"""The page of `ablate`: differences with intervals, figures, cost, and what failed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from shelfmind.files import write_text
from shelfmind.pages import ablation_words as told
from shelfmind.pages.ablation_words import Row
from shelfmind.pages.row_charts import BarRow, IntervalRow, amount_chart, interval_chart
from shelfmind.pages.sections import PageSection, Table
from shelfmind.pages.templates import Chart, page_template
from shelfmind.pages.words import Text, say, translated

_STYLES = {"better": "c2", "worse": "c3", "none": "c1"}


def write_ablation_report(path: Path, result: Mapping[str, Any]) -> None:
    """Write the page, which needs nothing outside itself; `result` is what `ablation.json` has."""
    sections = [_differences(result), _figures(result), _changes(result)]
    if any(row["failures"] for row in result["rows"]):
        sections.append(_failures(result))
    page = page_template("pages/ablation.html.j2").render(
        title=told.words_of(result["about"]),
        lead=told.lead(result),
        fairness=told.fairness(result),
        judged_by=told.judged_by(result),
        chance=told.chance(result),
        cautions=told.cautions(result),
        sections=sections,
        made={
            say("data"): result["data"],
            say("table"): result["table"],
            say("base recipe"): result["recipe"],
            say("cores of each training"): result["cores"],
            say("trainings side by side"): result["jobs"],
        },
        recipe=result["base"],
    )
    write_text(path, page)


def _differences(result: Mapping[str, Any]) -> PageSection:
    judge = result["judge"]
    columns = (
        (say("row"), True),
        (say("what it is"), True),
        (say("verdict"), True),
        (told.judge_name(judge), False),
        (say("spread over seeds"), False),
        (say("difference"), False),
        (say("95% over images"), False),
        (say("its spread over seeds"), False),
        (say("chance among all"), False),
    )
    rows = [_line(row, judge) for row in result["rows"]]
    return PageSection(
        key="differences",
        title=say("Differences"),
        intro=say(
            "Each row beside what it is compared with, image by image, each image's mean over the seeds. The interval "
            "is over images: what other photos of the same kind would change. The spread is the standard deviation "
            "over seeds: what another training would change, of which one seed, or an ensemble, tells nothing. A "
            "verdict takes into account what is known of both, and how many rows are compared: “chance among all” "
            "below 0.05 is what counts (Holm's correction). So about one in twenty tables without any difference "
            "claims one; of tables with one seed, more do."
        ),
        charts=tuple(chart for chart in (_interval_chart(result), _cost_chart(result)) if chart is not None),
        tables=(Table(say("All rows"), columns, rows, len(rows)),),
    )


def _line(row: Row, judge: str) -> tuple[str, ...]:
    found = row.get("comparison")
    by = ("–",) * 4
    if found is not None:
        low, high = (told.change(end, judge) for end in found["ci95"])
        spread = "–" if found["spread"] is None else told.share(found["spread"], judge)
        chance = f"{found['adjusted_chance']:.3f}"
        by = (told.change(found["difference"], judge), say("{} to {}", low, high), spread, chance)
    figures = (told.share(row["mean"], judge), told.share(row["spread"], judge))
    return (_name(row), told.description(row), told.verdict(row), *figures, *by)


def _name(row: Row) -> Text:
    """A row's name, with what it is compared with where that is not the base."""
    if row["against"] in (None, "base"):
        return Text(row["name"], row["name"])
    return say("{} instead of {}", row["name"], row["against"])


def _interval_chart(result: Mapping[str, Any]) -> Chart | None:
    judge = result["judge"]
    scale = 1.0 if judge == "likelihood" else 100.0
    rows = []
    for row in result["rows"]:
        found = row.get("comparison")
        if found is None:
            continue
        low, high = found["ci95"]
        values = (told.change(found["difference"], judge), told.change(low, judge), told.change(high, judge))
        said = say("{}: {}", _name(row), say("{} ({} to {})", *values))
        seeds = tuple(scale * each for each in found["by_seed"])
        rows.append(
            IntervalRow(
                _STYLES[found["verdict"]],
                _name(row),
                scale * found["difference"],
                scale * low,
                scale * high,
                said,
                seeds,
            )
        )
    title = say("Difference to what it is compared with")
    drawing = interval_chart(rows, title, told.unit(judge))
    note = say("Lines are 95% intervals over images, small dots single seeds.")
    key = (("c2", say("better")), ("c3", say("worse")), ("c1", say("no difference found")))
    return None if drawing is None else Chart(title, drawing, note, key)


def _cost_chart(result: Mapping[str, Any]) -> Chart | None:
    rows = [
        BarRow(
            Text(row["name"], row["name"]), row["cost"]["processor_s"] / 60, told.minutes(row["cost"]["processor_s"])
        )
        for row in result["rows"]
        if row["cost"] is not None
    ]
    title = say("Processor minutes of one seed")
    drawing = amount_chart(rows, title, say("processor minutes"))
    note = say("Time of all cores, with all that a row starts from, as if nothing were shared.")
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
                *(told.share(figures.get(key), "top1") for key in keys),
                told.share(figures.get("likelihood"), "likelihood"),
                told.share(figures.get("ece"), "top1"),
            )
        )
    return PageSection(
        key="figures",
        title=say("Other figures"),
        intro=say("Means over the seeds. Only the figure that decides has verdicts; these are for orientation."),
        tables=(Table(say("Means over the seeds"), columns, rows, len(rows)), _cost_table(result)),
    )


def _cost_table(result: Mapping[str, Any]) -> Table:
    columns = (
        (say("row"), True),
        (say("seeds"), False),
        (say("minutes"), False),
        (say("processor minutes"), False),
        (say("MiB"), False),
        (say("Images / second"), False),
    )
    rows = []
    for row in result["rows"]:
        cost, speed = row["cost"] or {}, row["images_per_second"]
        times = (told.minutes(cost.get(key)) for key in ("seconds", "processor_s"))
        memory = cost.get("memory_mib")
        last = ("–" if each is None else f"{each:,.0f}" for each in (memory, speed))
        rows.append((row["name"], str(len(row["seeds"])), *times, *last))
    return Table(say("Cost of one seed, and speed of prediction"), columns, rows, len(rows))


def _changes(result: Mapping[str, Any]) -> PageSection:
    rows = [
        (row["name"], key, value) for row in result["rows"] for key, value in (row["changes"] or {"–": "–"}).items()
    ]
    columns = ((say("row"), True), (say("what it changes"), True), (say("to"), True))
    return PageSection(
        key="changes",
        title=say("What each row changes"),
        intro=say("All else is the base, whose recipe is at the end of this page."),
        tables=(Table(say("Changes of the base"), columns, rows, len(rows)),),
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
        title=say("What failed"),
        intro=say("The same command tries these again, and nothing else."),
        tables=(Table(say("Failed trainings and judgements"), columns, rows, len(rows)),),
    )
