"""The outcomes of the verbs about data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console

from shelfmind.cli.outcomes.figures import JsonFile, write_figures
from shelfmind.cli.outcomes.next_step import print_next_step
from shelfmind.cli.wording import as_typed
from shelfmind.display import Display, audit_table, prepared_table
from shelfmind.errors import call
from shelfmind.nouns import counted
from shelfmind.progress import tell

if TYPE_CHECKING:  # not needed for help
    from shelfmind.requests.auditing import AuditRequest, ReviewRequest
    from shelfmind.requests.label_checking import FindLabelErrorsRequest
    from shelfmind.requests.preparing import PrepareRequest
    from shelfmind.review.running import ReviewOutcome
    from shelfmind.shelf_generator.settings import GenerateRequest
    from shelfmind.training.label_check import LabelCheckOutcome
    from shelfmind.workflows.audit import AuditOutcome
    from shelfmind.workflows.prepare import PreparationOutcome


def show_audit(audit: AuditOutcome, request: AuditRequest, display: Display) -> None:
    """Print the findings, notes, paths and the next step."""
    from shelfmind.guidance.next_steps import Audited, after_audit
    from shelfmind.images.checking import note_bad_files
    from shelfmind.records import BadFile

    figures = audit.figures
    Console().print(audit_table(figures))
    tell(figures["notes"], display.note)
    bad_files = [BadFile(Path(each["path"]), each["reason"]) for each in figures["bad_files"]]
    tell(note_bad_files(bad_files, figures["images"]), display.note)
    display.line(f"report: {request.out / 'report.html'}")
    display.line(f"issues: {request.out / 'issues.csv'}")
    if figures.get("doubt"):
        display.warn(f"{request.run}: {figures['doubt']}")
    after = after_audit(Audited(figures, request.data, request.out, request.format))
    print_next_step(display, after.what, after.command)


def show_label_errors(
    findings: LabelCheckOutcome, request: FindLabelErrorsRequest, display: Display, *, json_file: JsonFile = None
) -> None:
    """Print how many labels were checked and flagged, and the paths."""
    figures = findings.to_json()
    write_figures(figures, json_file)
    if json_file is None or str(json_file) != "-":
        typer.echo(_checked_labels(findings))
    if findings.alone:
        display.line(f"not checked, the only image of their class: {findings.alone}")
    if findings.not_checked > findings.alone:
        left_out = findings.not_checked - findings.alone
        display.line(f"not checked, their network does not clearly beat guessing: {left_out}")
    display.line(f"ranked labels: {request.out / 'label_errors.csv'}")
    display.line(f"report: {request.out / 'report.html'}")
    if findings.suspects:
        print_next_step(display, "review them in a browser", call("review", audit=str(request.out)))


def _checked_labels(findings: LabelCheckOutcome) -> str:
    if not findings.checked:
        return "no labels were checked"
    return (
        f"{counted(findings.checked, 'label')} checked by {counted(findings.trusted_folds, 'network')}: "
        f"{findings.flagged:,} suspicious, {counted(findings.outliers, 'image fits', 'images fit')} no class, "
        f"{findings.suspects:,} to review in total"
    )


def show_reviewed(reviewed: ReviewOutcome, request: ReviewRequest, display: Display) -> None:
    """Print the progress of the review and the next step."""
    from shelfmind.guidance.places import short

    display.line(f"\n{reviewed.decided} of {reviewed.suspects} decided, saved in {reviewed.log}")
    if reviewed.gallery:
        display.line(
            f"see the changes of the gallery with: {as_typed(call('gallery_history', gallery=str(reviewed.root)))}"
        )
        return
    following = call(
        "prepare",
        data=str(short(reviewed.root)),
        format=reviewed.format,
        decisions=[str(reviewed.log)],
        **_without_near_duplicates(request.audit),
        out="CLEAN",
    )
    print_next_step(display, "make a clean copy", following)


def _without_near_duplicates(audit: Path) -> dict[str, Any]:
    """The arguments by which `prepare` drops the leaks and near-duplicates that an audit found, if there are any."""
    from shelfmind.runs.folder import read_json

    figures = audit / "audit.json"
    issues = read_json(figures).get("issues", {}) if figures.exists() else {}
    kinds = {"drop_leaks": "leak", "drop_duplicates": "duplicate"}
    drops = {argument: True for argument, kind in kinds.items() if issues.get(kind)}
    return {"audit": str(audit), **drops} if drops else {}


def show_prepared(prepared: PreparationOutcome, request: PrepareRequest, display: Display) -> None:
    """Print what was done, notes and paths."""
    from shelfmind.data.splits import without_split_note

    Console().print(prepared_table(prepared.figures))
    for line in prepared.notes:
        display.line(f"note: {line}")
    if len(without_split_note(prepared.notes)) < len(prepared.notes) and request.val_fraction is None:
        display.line("to keep all of them in train: --val-fraction 0, and --test-fraction 0 for data without a split")
    how = ", ".join(f"{number} {what}" for what, number in sorted(prepared.placed.items()))
    display.line(f"data:   {request.out} ({how})")
    display.line(f"report: {request.out / 'report.html'}")
    if request.classes_of is None:
        print_next_step(
            display, "get a recipe recommendation and the training command", call("recipes", data=str(request.out))
        )


def show_generated(folder: Path, request: GenerateRequest, display: Display) -> None:
    """Print the paths."""
    display.line(f"data:  {folder}")
    display.line(f"truth: {folder / 'truth.csv'}")
