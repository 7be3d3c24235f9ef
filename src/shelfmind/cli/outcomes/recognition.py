"""The outcomes of calibrating a gallery, evaluating with one, and `expand`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from shelfmind.cli.outcomes.figures import JsonFile, write_figures
from shelfmind.display import Display
from shelfmind.nouns import counted

if TYPE_CHECKING:  # not needed for help
    from shelfmind.recognition.levels import Levels
    from shelfmind.recognition.unknowns import Rejection
    from shelfmind.requests.expanding import ExpandRequest
    from shelfmind.requests.galleries import GalleryCalibrateRequest
    from shelfmind.workflows.gallery_calibration import Calibrated


def show_calibrated(
    calibrated: Calibrated, request: GalleryCalibrateRequest, display: Display, *, json_file: JsonFile = None
) -> None:
    """Print how well unknown objects are detected, and the share of photos answered at each level."""
    rule = calibrated.rule
    write_figures(rule.as_record(), json_file)
    if json_file is None or str(json_file) != "-":
        Console().print(_separations(rule.rejection))
        if rule.levels is not None:
            Console().print(_levels(rule.levels))
    display.line(
        f"version {calibrated.outcome.version}: calibrated on {counted(rule.photos, 'photo')}, rehearsed with "
        f"{rule.rehearsed}"
    )
    display.line(_expected(rule.rejection))


def _separations(rejection: Rejection) -> Table:
    table = Table("score", "AUROC", "FPR at 95% TPR", "used", title="known vs. unknown")
    for name, separation in rejection.separations.items():
        used = "yes" if name == rejection.score else ""
        table.add_row(name.replace("_", " "), f"{separation.auroc:.3f}", f"{separation.fpr95:.1%}", used)
    return table


def _levels(levels: Levels) -> Table:
    title = f"answers at a precision of {levels.precision:.1%}, {counted(len(levels.families), 'family')}"
    table = Table("level", "share of photos", "correct", title=title)
    for level, figures in levels.figures.items():
        table.add_row(level, f"{figures.share:.1%}", "" if figures.right is None else f"{figures.right:.1%}")
    return table


def _expected(rejection: Rejection) -> str:
    points = [point for point in rejection.curve if point.threshold >= rejection.threshold]
    answered = (
        f"{points[0].answered:.1%} of known photos are answered at this rate"
        if points
        else "few known photos are answered at this rate"
    )
    return f"at most {rejection.false_accepts:.1%} of unknown objects are accepted as a product; {answered}"


def recognition_table(figures: Mapping[str, Any]) -> Table:
    """The table of trained, enrolled and unknown photos of an evaluation with a gallery."""
    table = Table("photos", "share", "95% interval", "images", title="with the gallery")
    rows = {
        "trained classes, correct": "trained",
        "enrolled products, correct": "enrolled",
        "known products, accepted": "named",
        "known products, accepted and correct": "named_rightly",
        "unknown objects, accepted": "false_accepts",
    }
    for words, key in rows.items():
        share = figures[key]
        if share["photos"]:
            low, high = share["ci95"]
            table.add_row(words, f"{share['share']:.1%}", f"{low:.1%} to {high:.1%}", f"{share['photos']:,}")
    return table


def show_expansion(
    result: Mapping[str, Any], request: ExpandRequest, display: Display, *, json_file: JsonFile = None
) -> None:
    """Print the accuracy on unseen and seen classes by photos per product, and the path of the report."""
    write_figures(dict(result), json_file)
    if json_file is None or str(json_file) != "-":
        columns = ("photos", "unseen", "seen before", "seen after", "harmonic mean", "AUROC")
        table = Table(*columns, title=f"new products, {counted(len(result['seeds']), 'choice')} of classes")
        for shots, found in result["estimates"]["recogniser"].items():
            keys = ("unseen", "seen_before", "seen_after", "harmonic_mean")
            shares = [f"{found[key]['mean']:.1%}" for key in keys]
            table.add_row(shots, *shares, f"{found['auroc']['mean']:.3f}")
        Console().print(table)
    display.line(f"report: {request.out / 'report.html'}")
