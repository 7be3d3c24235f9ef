"""The verbs about data: audit, find-label-errors, review."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from shelfmind.cli.application import app
from shelfmind.cli.options import (
    Data,
    Format,
    JsonFile,
    MaxBad,
    require_folder_of,
    stoppable,
    write_figures,
)
from shelfmind.nouns import counted

PANEL = "Know the data"


@app.command(rich_help_panel=PANEL)
def audit(
    data: Data,
    out: Annotated[Path, typer.Option(help="folder to make for the report")],
    run: Annotated[
        Path | None, typer.Option(help="also ask this run, or what find-label-errors made, about every image")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="replace an earlier audit in that folder")] = False,
    seed: Annotated[int, typer.Option(min=0, help="of the split, where the data has none")] = 0,
    format: Format = None,
) -> None:
    """Look at a data set: classes, leaks, duplicates, label conflicts, bad files, blur, glare; a report and tables.

    Examples:

      shelfmind audit photos --out audit/

      shelfmind audit photos --run runs/first --out audit/ --overwrite
    """
    from shelfmind.data.detection import require_path
    from shelfmind.display import Display, audit_table
    from shelfmind.images.checking import note_bad_files
    from shelfmind.progress import tell
    from shelfmind.records import BadFile

    require_path(data)
    import shelfmind

    display = Display()
    judge = None if run is None else shelfmind.judge_by(run, display.counter)
    with display.showing():
        made = shelfmind.audit(
            data, out, format=format, seed=seed, overwrite=overwrite, judge=judge, counter=display.counter
        )
    Console().print(audit_table(made.figures))
    tell(made.figures["notes"], display.note)
    bad_files = [BadFile(Path(each["path"]), each["reason"]) for each in made.figures["bad_files"]]
    tell(note_bad_files(bad_files, made.figures["images"]), display.note)
    display.line(f"report: {out / 'report.html'}")
    display.line(f"issues: {out / 'issues.csv'}")
    if made.figures.get("doubt"):
        display.warn(f"{run}: {made.figures['doubt']}")


@app.command("find-label-errors", rich_help_panel=PANEL)
def find_label_errors(
    data: Data,
    out: Annotated[Path, typer.Option(help="folder to make, or to go on with")],
    folds: Annotated[int, typer.Option(min=2, help="networks to train; each judges what it never saw")] = 5,
    recipe: Annotated[str, typer.Option(help="a name from `shelfmind recipes`, or a YAML file")] = "default",
    overrides: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="change the recipe; may be repeated")
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(help="of each fold, instead of the recipe's; not with --max-minutes")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="of weights, order, augmentation and split")] = 0,
    max_minutes: Annotated[
        float | None, typer.Option(help="fit all folds together into this time instead of a number of epochs")
    ] = None,
    weights: Annotated[
        str | None, typer.Option(help="start from these: a file, a run folder, or official ones by name")
    ] = None,
    offline: Annotated[bool, typer.Option("--offline", help="never download weights")] = False,
    max_bad_fraction: MaxBad = 0.01,
    format: Format = None,
    json_file: JsonFile = None,
) -> None:
    """Rank all labels by how doubtful they are; each is judged by a network that never saw the image.

    A network that does not clearly beat guessing judges nothing. Stopped at any moment, the same command goes on.
    Nothing is changed or deleted: look through what is flagged with `shelfmind review`.

    Examples:

      shelfmind find-label-errors photos --out labels

      shelfmind find-label-errors photos --folds 5 --max-minutes 60 --out labels

      shelfmind find-label-errors photos --recipe rp2k/se_resnext50 --weights se_resnext50 --epochs 10 --out labels
    """
    from shelfmind.data.detection import require_path
    from shelfmind.display import Display, TrainingDisplay

    require_path(data)
    require_folder_of(json_file)
    display = Display()
    import shelfmind

    advice = "finished folds and epochs are kept. Go on with the same command"
    with stoppable(out / "plan.json", advice, display), display.showing():
        watcher = TrainingDisplay(display)
        findings = shelfmind.find_label_errors(
            data,
            out,
            folds=folds,
            recipe=recipe,
            overrides=overrides or (),
            epochs=epochs,
            seed=seed,
            max_minutes=max_minutes,
            max_bad_fraction=max_bad_fraction,
            format=format,
            weights=weights,
            offline=offline,
            watcher=watcher,
        )
    figures = findings.to_json()
    write_figures(figures, json_file)
    if json_file is None or str(json_file) != "-":
        said = "no label is judged"
        if figures["judged"]:
            said = (
                f"{counted(figures['judged'], 'label')} judged by {counted(figures['trusted_folds'], 'network')}: "
                f"{figures['flagged']:,} suspected to be wrong, "
                f"{counted(figures['outliers'], 'image fits', 'images fit')} no class, "
                f"{figures['suspects']:,} to review in all"
            )
        typer.echo(said)
    if figures["alone"]:
        display.line(f"not judged, because they are alone in their class: {figures['alone']}")
    if figures["not_judged"] > figures["alone"]:
        left_out = figures["not_judged"] - figures["alone"]
        display.line(f"not judged, because their network does not clearly beat guessing: {left_out}")
    display.line(f"ranked labels: {out / 'label_errors.csv'}")
    display.line(f"report: {out / 'report.html'}")
    if figures["suspects"]:
        display.line(f"look through them with: shelfmind review {out}")
    display.repeat_warnings()


@app.command(rich_help_panel=PANEL)
def review(
    audit: Annotated[
        Path, typer.Argument(help="a folder that `shelfmind audit` or `shelfmind find-label-errors` made")
    ],
    data: Annotated[Path | None, typer.Option(help="where the data set lies now, if it has moved")] = None,
    log: Annotated[Path | None, typer.Option(help="append decisions to this file; review.jsonl in AUDIT")] = None,
    reviewer: Annotated[str | None, typer.Option(help="the name on your decisions; your login name")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="of this machine; 0: any free one; 8765 or any if not given")
    ] = None,
    language: Annotated[str | None, typer.Option("--lang", help="en or zh; as the browser asks if not given")] = None,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="open the page in a browser")] = True,
) -> None:
    """Look at suspects in a browser: keep, relabel or drop them. Ctrl-C ends it; nothing in the data set is changed.

    Every decision is on the disk in the log before the page confirms it. Several reviewers may share one log.

    Examples:

      shelfmind review audit

      shelfmind review audit --reviewer Wang --lang zh --no-browser --port 9000
    """
    from shelfmind.display import Display
    from shelfmind.review.running import open_browser
    from shelfmind.review.running import review as run_review

    display = Display()

    def ready(address: str) -> None:
        typer.echo(address)
        display.line("open this address in a browser on this machine; Ctrl-C here ends the review")
        if browser:
            open_browser(address)

    outcome = run_review(
        audit,
        data=data,
        log=log,
        reviewer=reviewer,
        port=port,
        language=language,
        ready=ready,
        note=display.line,
    )
    display.line(f"\n{outcome.decided} of {outcome.suspects} decided, all in {outcome.log}")
    display.line(f"next: shelfmind prepare {outcome.root} --decisions {outcome.log} --out CLEAN")
