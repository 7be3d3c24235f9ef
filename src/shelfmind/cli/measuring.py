"""The verbs that measure and use a run: evaluate, calibrate, predict."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from shelfmind.cli.application import app
from shelfmind.cli.options import (
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

PANEL = "Measure and predict"


@app.command(rich_help_panel=PANEL)
def evaluate(
    paths: Annotated[list[Path], typer.Argument(metavar="RUN... DATA", help="one run or several, then the data set")],
    split: Annotated[str | None, typer.Option(help="train, val or test; test if the data has one, else val")] = None,
    tta: Tta = None,
    logit_adjust: Annotated[
        float | None, typer.Option(help="favour rare classes: 0 not at all, 1 as if all were equally frequent")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="folder for the results of several runs")] = None,
    json_file: JsonFile = None,
    max_bad_fraction: MaxBad = 0.01,
    format: Format = None,
) -> None:
    """Measure a run, or several averaged, on a labelled data set: accuracies with intervals, calibration, confusions.

    Examples:

      shelfmind evaluate runs/first photos

      shelfmind evaluate runs/first photos --split val --tta flip,scale --json val.json

      shelfmind evaluate runs/first photos --logit-adjust 0.5

      shelfmind evaluate runs/a runs/b runs/c photos --out runs/together
    """
    from shelfmind.data.detection import require_path
    from shelfmind.display import Display, members_table
    from shelfmind.runtime.run_folder import RunFolder

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
        "counter": display.counter,
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
    display.line(f"report: {(out or runs[0]) / 'report.html'}")


@app.command(rich_help_panel=PANEL)
def calibrate(
    run: Run,
    data: Data,
    split: Annotated[str, typer.Option(help="the images to fit to; never test")] = "val",
    tta: Tta = None,
    max_bad_fraction: MaxBad = 0.01,
    format: Format = None,
) -> None:
    """Make a run's confidence mean what it says: fit one temperature on validation images and keep it in the run.

    Examples:

      shelfmind calibrate runs/first photos
    """
    from shelfmind.data.detection import require_path
    from shelfmind.display import Display
    from shelfmind.runtime.run_folder import RunFolder

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
            counter=display.counter,
        )
    typer.echo(
        f"temperature {scaling.temperature:.3f}; expected calibration error {scaling.ece_before:.2%} before, "
        f"{scaling.ece_after:.2%} after on the half of {scaling.images} images that it was not fitted to"
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
    from shelfmind.runtime.run_folder import RunFolder

    RunFolder(run).require()
    import shelfmind

    display = Display()
    with display.showing():
        outcome = shelfmind.predict(run, paths, top=top, out=out, tta=views(tta), counter=display.counter)
    if out is None:
        _print_predictions(outcome.shown, top)
    else:
        display.line(f"predictions: {out}")
    if outcome.images > len(outcome.shown) and out is None:
        display.line(f"{outcome.images - len(outcome.shown)} more; write them all with --out predictions.csv")
    bad = outcome.bad_files
    if bad:
        where = f"; all in {outcome.bad_list}" if outcome.bad_list else ""
        display.line(f"{len(bad)} of {outcome.images} files could not be used: {bad[0].path}: {bad[0].reason}{where}")
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
) -> None:
    """Show where a run looked (Grad-CAM), with the training images most like each image beside it.

    Examples:

      shelfmind explain runs/first wrong.jpg --out explained

      shelfmind explain runs/first new/ --class 可乐330ml --out explained
    """
    from shelfmind.display import Display
    from shelfmind.runtime.run_folder import RunFolder

    RunFolder(run).require()
    import shelfmind

    display = Display()
    with display.showing():
        explained = shelfmind.explain(
            run, paths, out=out, class_name=class_name, neighbours=neighbours, counter=display.counter
        )
    bad = [each for each in explained if each.error is not None]
    if bad:
        display.line(f"{len(bad)} of {len(explained)} files could not be used: {bad[0].path}: {bad[0].error}")
    display.line(f"page: {out / 'index.html'}")
    if len(bad) == len(explained):
        raise typer.Exit(2)


def _print_predictions(predictions: list[Any], top: int) -> None:
    table = Table("image", *(f"guess {rank}" for rank in range(1, top + 1)))
    for prediction in predictions:
        cells = [f"{guess.class_name} {guess.probability:.1%}" for guess in prediction.guesses]
        table.add_row(prediction.source, *(cells or [f"unusable: {prediction.error}"]))
    Console().print(table)
