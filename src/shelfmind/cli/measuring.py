"""The verbs that measure and use a run: evaluate, calibrate, predict."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from shelfmind.cli.application import app
from shelfmind.cli.options import (
    AllowSeen,
    Data,
    Format,
    JsonFile,
    MaxBad,
    Run,
    Tta,
    print_evaluation,
    require_folder_of,
    views,
    write_figures,
)
from shelfmind.errors import UserError
from shelfmind.nouns import counted

PANEL = "Measure and predict"


@app.command(rich_help_panel=PANEL)
def evaluate(
    paths: Annotated[list[Path], typer.Argument(metavar="RUN... DATA", help="one run or several, then the data set")],
    split: Annotated[
        str | None, typer.Option(help="train, val, test, new (unknown to the run) or some, as in test,new; test if any")
    ] = None,
    tta: Tta = None,
    logit_adjust: Annotated[
        float | None, typer.Option(help="favour rare classes: 0 not at all, 1 as if all were equally frequent")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="folder for the results of several runs")] = None,
    json_file: JsonFile = None,
    max_bad_fraction: MaxBad = 0.01,
    allow_seen: AllowSeen = False,
    format: Format = None,
) -> None:
    """Measure a run, or several averaged, on a labelled data set: accuracies with intervals, calibration, confusions.

    Examples:

      shelfmind evaluate runs/first photos

      shelfmind evaluate runs/first photos --split val --tta flip,scale --json val.json

      shelfmind evaluate runs/first photos --split new

      shelfmind evaluate runs/first photos --logit-adjust 0.5

      shelfmind evaluate runs/a runs/b runs/c photos --out runs/together
    """
    from shelfmind.data.detection import require_path
    from shelfmind.display import Display, members_table
    from shelfmind.runs.folder import RunFolder

    *runs, data = paths
    if not runs:
        raise UserError("evaluate needs a run and a data set: shelfmind evaluate RUN DATA")
    if len(runs) > 1 and (out is None or logit_adjust is not None):
        raise UserError("several runs need --out FOLDER for their results, and take no --logit-adjust")
    if len(runs) == 1 and out is not None:
        raise UserError("--out is for several runs; the results of one are written into its folder")
    for run in runs:
        RunFolder(run).require()
    require_path(data)
    require_folder_of(json_file)
    import shelfmind

    display = Display()
    common: dict[str, Any] = {
        "split": split,
        "tta": views(tta),
        "format": format,
        "max_bad_fraction": max_bad_fraction,
        "allow_seen": allow_seen,
        "counter": display.counter,
        "note": display.note,
    }
    members = None
    with display.showing():
        if out is None:
            evaluation = shelfmind.evaluate(runs[0], data, logit_adjust=logit_adjust, **common)
        else:
            outcome = shelfmind.evaluate_ensemble(runs, data, out=out, **common)
            evaluation, members = outcome.evaluation, outcome
    figures = evaluation.to_json()
    if json_file is None or str(json_file) != "-":
        print_evaluation(figures)
        if members is not None:
            Console().print(members_table(members))
    write_figures(figures, json_file)
    for note in evaluation.notes:
        display.line(note)
    display.line(f"report: {(out or runs[0]) / 'report.html'}")


@app.command(rich_help_panel=PANEL)
def calibrate(
    run: Run,
    data: Data,
    split: Annotated[str, typer.Option(help="the images to fit to; never test")] = "val",
    tta: Tta = None,
    max_bad_fraction: MaxBad = 0.01,
    allow_seen: AllowSeen = False,
    format: Format = None,
) -> None:
    """Make a run's confidence mean what it says: fit one temperature on validation images and keep it if it helps.

    It helps if the likelihood of labels that it was not fitted to is better beyond chance; else temperature 1 is kept.

    Examples:

      shelfmind calibrate runs/first photos
    """
    from shelfmind.data.detection import require_path
    from shelfmind.display import Display
    from shelfmind.runs.folder import RunFolder

    RunFolder(run).require()
    require_path(data)
    import shelfmind

    display = Display()
    with display.showing():
        scaling = shelfmind.calibrate(
            run,
            data,
            split=split,
            tta=views(tta),
            format=format,
            max_bad_fraction=max_bad_fraction,
            allow_seen=allow_seen,
            counter=display.counter,
        )
    typer.echo(scaling.sentence())
    if scaling.kept:
        typer.echo(
            f"expected calibration error {scaling.ece_before:.2%} before, {scaling.ece_after:.2%} after, each of "
            f"{counted(scaling.images, 'image')} judged by a temperature that was not fitted to it"
        )


@app.command(rich_help_panel=PANEL)
def predict(
    run: Run,
    paths: Annotated[
        list[str], typer.Argument(metavar="PATH...", help="images, folders of images, or patterns such as 'new/*.jpg'")
    ],
    top: Annotated[int, typer.Option(min=1, help="guesses for each image")] = 5,
    out: Annotated[Path | None, typer.Option(help="predictions.csv, .jsonl or .npz; a table if not given")] = None,
    tta: Tta = None,
    max_bad_fraction: Annotated[
        float, typer.Option(min=0, max=1, help="share of unusable files above which the exit status is 2")
    ] = 1.0,
) -> None:
    """Name the products in images; a file that cannot be used keeps its row, with the reason.

    Examples:

      shelfmind predict runs/first shelf.jpg

      shelfmind predict runs/first new/ --top 3 --out predictions.csv
    """
    from shelfmind.display import Display
    from shelfmind.images.checking import note_bad_files
    from shelfmind.progress import tell
    from shelfmind.runs.folder import RunFolder

    RunFolder(run).require()
    import shelfmind

    display = Display()
    with display.showing():
        outcome = shelfmind.predict(run, paths, top=top, out=out, tta=views(tta), counter=display.counter)
    if out is None:
        from shelfmind.cli.predictions import predictions_table

        console = Console()
        console.print(predictions_table(outcome.shown, top, console.width))
    else:
        display.line(f"predictions: {out}")
    if outcome.images > len(outcome.shown) and out is None:
        display.line(f"{outcome.images - len(outcome.shown)} more; write them all with --out predictions.csv")
    tell(outcome.notes, display.note)
    bad = outcome.bad_files
    tell(note_bad_files(bad, outcome.images, outcome.bad_list), display.note)
    if len(bad) > max_bad_fraction * outcome.images or len(bad) == outcome.images:
        raise typer.Exit(2)


@app.command(rich_help_panel=PANEL)
def explain(
    run: Run,
    paths: Annotated[
        list[str], typer.Argument(metavar="IMAGE...", help="images, folders of images, or patterns such as 'new/*.jpg'")
    ],
    out: Annotated[Path, typer.Option(help="folder to make for the page and the pictures")],
    class_name: Annotated[
        str | None, typer.Option("--class", help="explain this class; what the run guesses if not given")
    ] = None,
    neighbours: Annotated[int, typer.Option(min=0, help="training images to show beside each")] = 4,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="replace an earlier page in that folder")] = False,
) -> None:
    """Show where a run looked (Grad-CAM), with the training images most like each image beside it.

    Examples:

      shelfmind explain runs/first wrong.jpg --out explained

      shelfmind explain runs/first new/ --class 可乐330ml --out explained
    """
    from shelfmind.display import Display
    from shelfmind.images.checking import note_bad_files
    from shelfmind.progress import tell
    from shelfmind.records import BadFile
    from shelfmind.runs.folder import RunFolder

    RunFolder(run).require()
    import shelfmind

    display = Display()
    with display.showing():
        explained = shelfmind.explain(
            run,
            paths,
            out=out,
            class_name=class_name,
            neighbours=neighbours,
            overwrite=overwrite,
            counter=display.counter,
        )
    bad = [BadFile(Path(each.path), each.error) for each in explained if each.error is not None]
    tell(note_bad_files(bad, len(explained)), display.note)
    display.line(f"page: {out / 'index.html'}")
    if len(bad) == len(explained):
        raise typer.Exit(2)
