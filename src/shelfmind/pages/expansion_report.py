"""The report of `expand`: accuracy on new products by enrolled photos, and the cost for the other classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from shelfmind.files import write_text
from shelfmind.pages import charts
from shelfmind.pages.sections import PageSection, Table
from shelfmind.pages.templates import Chart, page_template
from shelfmind.pages.words import Text, counted, say

_KINDS = ("embedding", "colour_histogram", "pixels")


def write_expansion_report(path: Path, result: Mapping[str, Any]) -> None:
    """Write the self-contained page; `result` is the content of `expansion.json`."""
    plan = result["plan"]
    shots, estimates = [str(each) for each in plan["shots"]], result["estimates"]["recogniser"]
    most = shots[-1]
    page = page_template("pages/expansion.html.j2").render(
        title=say("New products of {}", Path(plan["data"]).name),
        seeds=len(result["seeds"]),
        draws=plan["draws"],
        unseen=len(result["seeds"][0]["unseen"]),
        seen=result["seeds"][0]["seen_classes"],
        most=int(most),
        accuracy=_interval(estimates[most]["unseen"]),
        change=_difference(estimates[most]),
        auroc=f"{estimates[most]['auroc']['mean']:.3f}",
        seconds=f"{max(seed['seconds_to_enrol'] for seed in result['seeds']):.2f}",
        sections=[_accuracy(result, shots), _unknowns(result, shots), _choices(result, shots)],
        plan={key: value for key, value in plan.items() if key not in ("recipe", "digest")},
    )
    write_text(path, page)


def _accuracy(result: Mapping[str, Any], shots: Sequence[str]) -> PageSection:
    found = result["estimates"]["recogniser"]
    columns = (
        (say("photos per product"), False),
        (say("unseen products"), False),
        (say("unseen, among unseen only"), False),
        (say("seen classes before"), False),
        (say("seen classes after"), False),
        (say("harmonic mean"), False),
    )
    keys = ("unseen", "unseen_alone", "seen_before", "seen_after", "harmonic_mean")
    rows = [(each, *(_interval(found[each][key]) for key in keys)) for each in shots]
    galleries = result["estimates"]["galleries"]
    beside = [
        (name, each, *(_interval(galleries[kind][each][key]) for key in ("unseen", "unseen_alone", "seen")))
        for kind, name in _kind_names().items()
        for each in shots
    ]
    return PageSection(
        key="accuracy",
        title=say("Accuracy"),
        intro=say(
            "Unseen products are enrolled with a few photos each, without training. They compete with all seen "
            "classes, except where only unseen products compete."
        ),
        charts=(_unseen_chart(result, shots), _seen_chart(result, shots)),
        tables=(
            Table(say("Classifier and gallery combined"), columns, rows, len(rows)),
            Table(
                say("Gallery alone (nearest photo)"),
                (
                    (say("vectors"), True),
                    (say("photos per product"), False),
                    (say("unseen products"), False),
                    (say("unseen, among unseen only"), False),
                    (say("seen classes"), False),
                ),
                beside,
                len(beside),
            ),
        ),
    )


def _unseen_chart(result: Mapping[str, Any], shots: Sequence[str]) -> Chart:
    found, galleries = result["estimates"]["recogniser"], result["estimates"]["galleries"]
    lines = [
        charts.Series("c2", say("combined"), _points(found, shots, "unseen")),
        charts.Series("c1", say("embedding alone"), _points(galleries["embedding"], shots, "unseen")),
        charts.Series("c3", say("colour histogram"), _points(galleries["colour_histogram"], shots, "unseen")),
    ]
    return _lines(say("Accuracy on unseen products, all classes competing"), lines)


def _seen_chart(result: Mapping[str, Any], shots: Sequence[str]) -> Chart:
    found = result["estimates"]["recogniser"]
    lines = [
        charts.Series("c2", say("seen classes after"), _points(found, shots, "seen_after")),
        charts.Series("c1", say("seen classes before"), _points(found, shots, "seen_before")),
    ]
    return _lines(say("Accuracy on seen classes, all classes competing"), lines)


def _lines(title: Text, lines: Sequence[charts.Series]) -> Chart:
    drawing = charts.line_chart(lines, title, percent=True, x_name=say("photos per product"))
    assert drawing is not None
    return Chart(title, drawing, "", tuple((each.style, each.name) for each in lines))


def _unknowns(result: Mapping[str, Any], shots: Sequence[str]) -> PageSection:
    found = result["estimates"]["recogniser"]
    rows = [
        (
            each,
            _number(found[each]["auroc"]),
            _interval(found[each]["fpr95"]),
            _interval(found[each]["false_accepts"]),
            _interval(found[each]["named"]),
        )
        for each in shots
    ]
    columns = (
        (say("photos per product"), False),
        (say("AUROC"), False),
        (say("FPR at 95% TPR"), False),
        (say("unknown accepted"), False),
        (say("known accepted"), False),
    )
    return PageSection(
        key="unknowns",
        title=say("Unknown objects"),
        intro=say(
            "Half of the unseen products are enrolled and the other half act as unknown objects; then the halves are "
            "swapped. The acceptance threshold is calibrated for a false-accept rate of {}.",
            f"{result['plan']['false_accepts']:.0%}",
        ),
        tables=(Table(say("Known versus unknown"), columns, rows, len(rows)),),
    )


def _choices(result: Mapping[str, Any], shots: Sequence[str]) -> PageSection:
    rows = [
        (
            str(seed["seed"]),
            *(f"{_mean(seed['figures'][each], 'unseen'):.1%}" for each in shots),
            f"{_mean(seed['figures'][shots[-1]], 'seen_before'):.1%}",
            f"{_mean(seed['figures'][shots[-1]], 'seen_after'):.1%}",
            f"{seed['photos']['unseen']:,}",
            f"{seed['photos']['seen']:,}",
            ", ".join(seed["unseen"]),
        )
        for seed in result["seeds"]
    ]
    columns = (
        (say("seed"), False),
        *((counted(int(each), "photo"), False) for each in shots),
        (say("seen classes before"), False),
        (say("seen classes after"), False),
        (say("photos of unseen"), False),
        (say("photos of seen"), False),
        (say("unseen products"), True),
    )
    return PageSection(
        key="choices",
        title=say("Results by choice of classes"),
        intro=say("How much the result depends on which products are new."),
        tables=(Table(say("Accuracy on unseen products by photos per product"), columns, rows, len(rows)),),
    )


def _kind_names() -> dict[str, Text]:
    names = (say("embedding alone"), say("colour histogram"), say("raw pixels"))
    return dict(zip(_KINDS, names, strict=True))


def _points(found: Mapping[str, Any], shots: Sequence[str], key: str) -> tuple[charts.Point, ...]:
    return tuple((float(each), found[each][key]["mean"]) for each in shots)


def _interval(estimate: Mapping[str, Any]) -> Text:
    """Return a share with its interval over seeds, clipped to 0 to 1."""
    mean = f"{estimate['mean']:.1%}"
    if estimate["ci95"] is None:
        return Text(mean, mean)
    low, high = (min(1.0, max(0.0, end)) for end in estimate["ci95"])
    return say("{} ({} to {})", mean, f"{low:.1%}", f"{high:.1%}")


def _number(estimate: Mapping[str, Any]) -> Text:
    mean = f"{estimate['mean']:.3f}"
    if estimate["ci95"] is None:
        return Text(mean, mean)
    low, high = (min(1.0, max(0.0, end)) for end in estimate["ci95"])
    return say("{} ({} to {})", mean, f"{low:.3f}", f"{high:.3f}")


def _difference(figures: Mapping[str, Any]) -> str:
    """Return the change of accuracy on seen classes, in points."""
    return f"{100 * (figures['seen_after']['mean'] - figures['seen_before']['mean']):+.1f}"


def _mean(draws: Sequence[Mapping[str, float]], key: str) -> float:
    return sum(draw[key] for draw in draws) / len(draws)
