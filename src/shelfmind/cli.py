"""The `shelfmind` command: one verb a function; each parses, calls and prints."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.table import Table

from shelfmind.errors import UserError

app = typer.Typer(
    help="Recognises retail products (SKUs) in photos of shelf items.\n\n"
    "Start with:  shelfmind train PHOTOS --out runs/first   (PHOTOS holds one folder of images a product)",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)

INTERRUPTED = 130
"""The exit status after Ctrl-C, as shells have it."""

Data = Annotated[Path, typer.Argument(help="data set: a folder of class folders, RP2K, a csv, or Grocery Store")]
Run = Annotated[Path, typer.Argument(help="a run folder that `shelfmind train` made")]
Format = Annotated[str | None, typer.Option(help="folder, rp2k, csv or grocery_store; found out if not given")]
MaxBad = Annotated[float, typer.Option(min=0, max=1, help="share of unusable files above which to stop")]
JsonFile = Annotated[
    Path | None, typer.Option("--json", help="also write the figures to this file; - for standard output")
]
Tta = Annotated[str | None, typer.Option(help="views to average, such as flip,centre; none for the plain image alone")]


@app.command()
def train(
    context: typer.Context,
    data: Annotated[Path | None, typer.Argument(help="data set; not with --resume")] = None,
    recipe: Annotated[str, typer.Option(help="a name from `shelfmind recipes`, or a YAML file")] = "default",
    out: Annotated[Path | None, typer.Option(help="run folder to make")] = None,
    resume: Annotated[Path | None, typer.Option(help="go on with this run folder")] = None,
    overrides: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="change the recipe; may be repeated")
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="instead of the recipe's")] = None,
    seed: Annotated[int, typer.Option(min=0, help="of split, weights, order and augmentation")] = 0,
    max_minutes: Annotated[
        float | None, typer.Option(help="fit the whole schedule into this time instead of a number of epochs")
    ] = None,
    weights: Annotated[
        str | None,
        typer.Option("--weights", "--init", help="start from these: a file, a run folder, or official ones by name"),
    ] = None,
    offline: Annotated[bool, typer.Option("--offline", help="never download weights")] = False,
    rules: Annotated[str | None, typer.Option(help="keep these terms: contest")] = None,
    max_bad_fraction: MaxBad = 0.01,
    format: Format = None,
) -> None:
    """Train a recogniser and write it to a run folder.

    Examples:

      shelfmind train photos --out runs/first

      shelfmind train photos --recipe grocery_cpu --max-minutes 60 --out runs/hour

      shelfmind train photos --recipe rp2k/se_resnext50 --set train.batch_size=32 --seed 1 --out runs/se

      shelfmind train photos --recipe rp2k/se_resnext50 --weights se_resnext50 --out runs/from_imagenet

      shelfmind train --resume runs/first
    """
    from shelfmind.data.detection import require_path
    from shelfmind.display import Display, TrainingDisplay
    from shelfmind.recipe import load_recipe

    if resume is not None:
        _refuse_beside_resume(context)
    elif data is None or out is None:
        raise UserError("train needs DATA and --out RUN, or --resume RUN")
    else:
        require_path(data)
    display = Display()
    settings = load_recipe(recipe, overrides or ())
    run = resume if resume is not None else out
    assert run is not None
    import shelfmind

    try:
        with display.showing():
            watcher: Any = TrainingDisplay(display)
            if resume is not None:
                evaluation = shelfmind.resume(resume, watcher=watcher)
            else:
                evaluation = shelfmind.train(
                    data,
                    recipe=settings,
                    out=out,
                    epochs=epochs,
                    seed=seed,
                    max_minutes=max_minutes,
                    max_bad_fraction=max_bad_fraction,
                    format=format,
                    weights=weights,
                    offline=offline,
                    rules=rules,
                    watcher=watcher,
                )
    except KeyboardInterrupt:
        if (run / "recipe.yaml").exists():
            display.line(f"stopped; what is trained so far is kept. Go on with: shelfmind train --resume {run}")
            sys.exit(INTERRUPTED)
        raise
    if evaluation is not None:
        _print_evaluation(evaluation.to_json())
    display.line(f"run:    {run}")
    if (run / "report.html").exists():
        display.line(f"report: {run / 'report.html'}")


@app.command()
def pretrain(
    data: Annotated[Path | None, typer.Argument(help="data set; not with --resume")] = None,
    out: Annotated[Path | None, typer.Option(help="run folder to make")] = None,
    resume: Annotated[Path | None, typer.Option(help="go on with this run folder")] = None,
    recipe: Annotated[str, typer.Option(help="a name from `shelfmind recipes`, or a YAML file")] = "pretrain",
    overrides: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="change the recipe; may be repeated")
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="instead of the recipe's")] = None,
    seed: Annotated[int, typer.Option(min=0, help="of weights, order and augmentation")] = 0,
    max_minutes: Annotated[float | None, typer.Option(help="fit the whole schedule into this time")] = None,
    max_bad_fraction: MaxBad = 0.01,
    format: Format = None,
) -> None:
    """Learn from photos without their labels (SimSiam), for `train --init`; read out what the embeddings are worth.

    Examples:

      shelfmind pretrain photos --max-minutes 30 --out runs/pretrained

      shelfmind train photos --init runs/pretrained --out runs/first
    """
    from shelfmind.data.detection import require_path
    from shelfmind.display import Display, TrainingDisplay

    if (resume is None) == (data is None or out is None):
        raise UserError("pretrain needs DATA and --out RUN, or --resume RUN")
    if data is not None:
        require_path(data)
    run = resume if resume is not None else out
    import shelfmind

    display = Display()
    with display.showing():
        watcher: Any = TrainingDisplay(display)
        readout = shelfmind.pretrain(
            None if resume is not None else data,
            out=run,
            recipe=recipe,
            overrides=overrides or (),
            epochs=epochs,
            seed=seed,
            max_minutes=max_minutes,
            max_bad_fraction=max_bad_fraction,
            format=format,
            watcher=watcher,
        )
    if readout is not None:
        for name in ("knn", "linear"):
            low, high = getattr(readout, f"{name}_top1_ci95")
            how = "nearest neighbours" if name == "knn" else "linear probe"
            typer.echo(f"{how}: top-1 {getattr(readout, f'{name}_top1'):.2%} ({low:.2%} to {high:.2%}) on validation")
    display.line(f"run:    {run}; start from it with: shelfmind train DATA --init {run}")


@app.command()
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
    _require_folder_of(json_file)
    import shelfmind

    display = Display()
    common: dict[str, Any] = {
        "split": split,
        "tta": _views(tta),
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
        _print_evaluation(figures)
        if members is not None:
            Console().print(members_table(members))
    _write_json(figures, json_file)
    display.line(f"report: {(out or runs[0]) / 'report.html'}")


@app.command()
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
            tta=_views(tta),
            format=format,
            max_bad_fraction=max_bad_fraction,
            counter=display.counter,
        )
    typer.echo(
        f"temperature {scaling.temperature:.3f}; expected calibration error {scaling.ece_before:.2%} before, "
        f"{scaling.ece_after:.2%} after on the half of {scaling.images} images that it was not fitted to"
    )


@app.command()
def fixres(
    run: Run,
    resolutions: Annotated[str, typer.Option(help="image sizes to try, such as 224,256,288")],
    out: Annotated[Path, typer.Option(help="run folder to make if a size is better")],
    epochs: Annotated[int, typer.Option(min=1, help="of each fine-tuning")] = 5,
    max_minutes: Annotated[float | None, typer.Option(help="of each fine-tuning, instead of epochs")] = None,
) -> None:
    """Fit a run to larger test images: fine-tune classifier and last normalisation at each size, keep the best.

    Examples:

      shelfmind fixres runs/first --resolutions 112,128,144 --out runs/first_fixres
    """
    from shelfmind.display import Display, TrainingDisplay, resolutions_table
    from shelfmind.runtime.run_folder import RunFolder

    RunFolder(run).require()
    try:
        sizes = [int(size) for size in resolutions.split(",") if size.strip()]
    except ValueError as error:
        raise UserError(f"--resolutions takes sizes such as 224,256,288, not '{resolutions}'") from error
    import shelfmind

    display = Display()
    with display.showing():
        watcher: Any = TrainingDisplay(display)
        outcome = shelfmind.fixres(
            run, out=out, resolutions=sizes, epochs=epochs, max_minutes=max_minutes, watcher=watcher
        )
    Console().print(resolutions_table(outcome))
    kept = f"kept: {outcome.kept} px, in {out}" if outcome.kept else "no size is better than the run as it is"
    display.line(kept)


@app.command()
def soup(
    run: Run,
    out: Annotated[Path, typer.Option(help="run folder to make")],
    kind: Annotated[
        str, typer.Option(help="greedy keeps what does not harm on validation; uniform takes all")
    ] = "greedy",
) -> None:
    """Average the weights of a run's last epochs, kept by `--set train.snapshots=5`, into a new run.

    Examples:

      shelfmind soup runs/first --out runs/soup
    """
    from shelfmind.display import Display
    from shelfmind.errors import unknown_name
    from shelfmind.runtime.run_folder import RunFolder

    if kind not in ("greedy", "uniform"):
        raise unknown_name("kind of soup", kind, ("greedy", "uniform"))
    RunFolder(run).require()
    import shelfmind

    display = Display()
    with display.showing():
        outcome = shelfmind.soup(run, out=out, kind=kind, counter=display.counter)
    low, high = outcome.gain_ci95
    typer.echo(
        f"{outcome.kind} soup of the epochs {', '.join(map(str, outcome.epochs))}: "
        f"validation top-1 {outcome.top1:.2%}, the run has {outcome.top1_before:.2%} "
        f"({100 * outcome.gain:+.2f} points, {100 * low:+.2f} to {100 * high:+.2f})"
    )
    display.line(f"run:    {out}")


@app.command()
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
        outcome = shelfmind.predict(run, paths, top=top, out=out, tta=_views(tta), counter=display.counter)
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


@app.command("find-label-errors")
def find_label_errors(
    data: Data,
    out: Annotated[Path, typer.Option(help="folder to make, or to go on with")],
    folds: Annotated[int, typer.Option(min=2, help="networks to train; each judges what it never saw")] = 5,
    recipe: Annotated[str, typer.Option(help="a name from `shelfmind recipes`, or a YAML file")] = "default",
    overrides: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="change the recipe; may be repeated")
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="of each fold, instead of the recipe's")] = None,
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
    """Rank all labels by how probably they are wrong; each is judged by a network that never saw the image.

    Stopped at any moment, the same command goes on. Nothing is changed or deleted: look through what is flagged with
    `shelfmind review`.

    Examples:

      shelfmind find-label-errors photos --out labels

      shelfmind find-label-errors photos --folds 5 --max-minutes 60 --out labels

      shelfmind find-label-errors photos --recipe rp2k/se_resnext50 --weights se_resnext50 --epochs 10 --out labels
    """
    from shelfmind.data.detection import require_path
    from shelfmind.display import Display, TrainingDisplay

    require_path(data)
    _require_folder_of(json_file)
    display = Display()
    import shelfmind

    try:
        with display.showing():
            watcher: Any = TrainingDisplay(display)
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
    except KeyboardInterrupt:
        if (out / "plan.json").exists():
            display.line("stopped; finished folds and epochs are kept. Go on with the same command")
            sys.exit(INTERRUPTED)
        raise
    figures = findings.to_json()
    _write_json(figures, json_file)
    if json_file is None or str(json_file) != "-":
        typer.echo(
            f"{figures['judged']} labels judged by {figures['folds']} networks: {figures['flagged']} are "
            f"probably wrong, {figures['outliers']} images fit no class"
        )
    if figures["not_judged"]:
        display.line(f"{figures['not_judged']} images are the only ones of their class and could not be judged")
    display.line(f"ranked labels: {out / 'label_errors.csv'}")
    display.line(f"look through them with: shelfmind review {out}")


@app.command()
def generate(
    out: Annotated[Path, typer.Option(help="folder to make; it must be missing or empty")],
    classes: Annotated[int | None, typer.Option(help="class folders, 'others' included; 12 if not given")] = None,
    images: Annotated[int | None, typer.Option(help="photos in all; 480 if not given")] = None,
    seed: Annotated[int, typer.Option(help="of products, photos and errors: the same seed gives the same bytes")] = 0,
    label_errors: Annotated[float | None, typer.Option(help="share of the photos filed under a wrong class")] = None,
    error_kinds: Annotated[
        str | None, typer.Option(help="random, sibling, foreign; or with shares: random=0.7,foreign=0.3")
    ] = None,
    duplicates: Annotated[float | None, typer.Option(help="share of near-copies of another photo")] = None,
    difficulty: Annotated[float | None, typer.Option(help="multiplies all factors: 0 studio photos, 1 a shelf")] = None,
    angle: Annotated[float | None, typer.Option(help="turned, tilted, seen from above: 0 none to 1 severe")] = None,
    perspective: Annotated[float | None, typer.Option(help="camera close by and askew: 0 none to 1 severe")] = None,
    glare: Annotated[float | None, typer.Option(help="reflections of lamps: 0 none to 1 severe")] = None,
    blur: Annotated[float | None, typer.Option(help="out of focus or moved: 0 none to 1 severe")] = None,
    exposure: Annotated[float | None, typer.Option(help="dark, bright, off in colour: 0 none to 1 severe")] = None,
    occlusion: Annotated[
        float | None, typer.Option(help="hidden by price tags and neighbours: 0 none to 1 severe")
    ] = None,
    noise: Annotated[float | None, typer.Option(help="of the sensor: 0 none to 1 severe")] = None,
    jpeg: Annotated[float | None, typer.Option(help="compression: 0 none to 1 severe")] = None,
    clutter: Annotated[float | None, typer.Option(help="neighbours in the photo: 0 none to 1 severe")] = None,
    tail: Annotated[float | None, typer.Option(help="long tail of class sizes: 0 none, 1 as RP2K")] = None,
    test_fraction: Annotated[float | None, typer.Option(help="test share of each class, at least one photo")] = None,
    size: Annotated[str | None, typer.Option(help="long side in pixels: 224, or 150-400 for any between")] = None,
    fonts: Annotated[
        list[str] | None, typer.Option(help="system, none (drawn strokes), or a font file or folder; may be repeated")
    ] = None,
    overrides: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="any other setting; may be repeated")
    ] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="processes; one a core if not given")] = None,
) -> None:
    """Draw a data set of made-up products in RP2K's layout, with the truth about every photo in truth.csv.

    Examples:

      shelfmind generate --classes 50 --images 5000 --seed 1 --out drawn

      shelfmind generate --classes 200 --images 20000 --label-errors 0.05 --error-kinds random,sibling --out noisy

      shelfmind generate --classes 20 --images 2000 --difficulty 0.5 --glare 0.9 --set family_size=8 --out glaring
    """
    from shelfmind.data.shelf_generator.settings import FACTORS, error_shares, make_settings, size_range
    from shelfmind.display import Display

    given = locals()
    names = ("classes", "images", "seed", "label_errors", "duplicates", "difficulty", "tail", "test_fraction", *FACTORS)
    values = {name: given[name] for name in names if given[name] is not None}
    if error_kinds is not None:
        values["error_kinds"] = error_shares(error_kinds)
    if size is not None:
        values["long_side"] = size_range(size)
    if fonts:
        values["fonts"] = tuple(fonts)
    settings = make_settings(values, overrides or ())
    import shelfmind

    display = Display()
    with display.showing():
        folder = shelfmind.generate(out, settings, workers=workers, counter=display.counter)
    display.line(f"data:  {out}")
    display.line(f"truth: {folder / 'truth.csv'}")


@app.command()
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

    require_path(data)
    import shelfmind

    display = Display()
    judge = None if run is None else shelfmind.judge_by(run, display.counter)
    with display.showing():
        made = shelfmind.audit(
            data, out, format=format, seed=seed, overwrite=overwrite, judge=judge, counter=display.counter
        )
    Console().print(audit_table(made.figures))
    display.line(f"report: {out / 'report.html'}")
    display.line(f"issues: {out / 'issues.csv'}")


@app.command()
def models(
    name: Annotated[str | None, typer.Argument(help="draw this model's stages")] = None,
    measure: Annotated[bool, typer.Option("--measure", help="also measure images/s on this machine")] = False,
    json_output: Annotated[bool, typer.Option("--json", help="for machines")] = False,
) -> None:
    """List the models: parameters, cost, embedding width, official weights; or draw one's stages.

    Examples:

      shelfmind models

      shelfmind models se_resnext50 --measure

      shelfmind train photos --set model.name=resnet18 --out runs/resnet18
    """
    from shelfmind.display import models_table, stages_table
    from shelfmind.model_facts import model_facts

    facts = model_facts(name)
    if name is not None or measure:
        from shelfmind.runtime.device import start_mindspore

        start_mindspore()
        from shelfmind.display import Display
        from shelfmind.models import create_model
        from shelfmind.models.complexity import parts
        from shelfmind.runtime.speed import inference_speed

        display = Display()
        with display.showing():
            measured = display.counter("measuring models", len(facts)) if measure else None
            for row in facts:
                if measured is not None:
                    row["images_per_second"] = round(inference_speed(row["name"]), 1)
                    measured(1)
                if name is not None:
                    row["stages"] = [asdict(part) for part in parts(create_model(name, 1000))]
    if json_output:
        typer.echo(json.dumps(facts, indent=2))
        return
    Console().print(models_table(facts))
    if name is not None:
        Console().print(stages_table(facts[0]["stages"]))


@app.command()
def recipes(
    name: Annotated[str | None, typer.Argument(help="show this recipe whole")] = None,
    json_output: Annotated[bool, typer.Option("--json", help="for machines")] = False,
) -> None:
    """List the recipes that come with shelfmind, or show one.

    Examples:

      shelfmind recipes

      shelfmind recipes grocery_cpu > mine.yaml
    """
    from shelfmind.recipe import load_recipe, recipe_names, recipe_text

    if name is not None:
        recipe = load_recipe(name)
        typer.echo(json.dumps(recipe.model_dump(mode="json"), indent=2) if json_output else recipe.dump(), nl=False)
        return
    rows = {known: _headline(recipe_text(known)) for known in recipe_names()}
    if json_output:
        typer.echo(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    table = Table("recipe", "what for")
    for known, headline in rows.items():
        table.add_row(known, headline)
    Console().print(table)


@app.command()
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


@app.command()
def prepare(
    data: Data,
    out: Annotated[Path, typer.Option(help="folder to make: a clean data set that `shelfmind train` takes")],
    decisions: Annotated[list[Path] | None, typer.Option(help="review.jsonl of a review; may be repeated")] = None,
    prefer: Annotated[
        list[str] | None, typer.Option(metavar="REVIEWER", help="follow this one in contradictions; may be repeated")
    ] = None,
    prefer_latest: Annotated[bool, typer.Option("--prefer-latest", help="in contradictions, follow the last")] = False,
    ignore_missing: Annotated[
        bool, typer.Option("--ignore-missing-decisions", help="pass over decisions whose image is gone or changed")
    ] = False,
    others: Annotated[str | None, typer.Option(help="the class that the decision 'others' means")] = None,
    new_class: Annotated[list[str] | None, typer.Option(help="a class that decisions may add; may be repeated")] = None,
    audit: Annotated[Path | None, typer.Option(help="the audit of DATA, for duplicates and leaks")] = None,
    drop_duplicates: Annotated[bool, typer.Option("--drop-duplicates", help="keep one of each picture")] = False,
    drop_leaks: Annotated[
        bool, typer.Option("--drop-leaks", help="drop training images that are in val or test, val images in test")
    ] = False,
    merge_same_names: Annotated[
        bool, typer.Option("--merge-same-names", help="join classes that have the same name after normalising")
    ] = False,
    fraction: Annotated[
        float | None, typer.Option(help="keep this share of each class and split, at least one image")
    ] = None,
    cap: Annotated[
        list[str] | None, typer.Option(metavar="CLASS=N", help="at most N training images; may be repeated")
    ] = None,
    cap_all: Annotated[int | None, typer.Option(help="at most so many training images of every other class")] = None,
    val_fraction: Annotated[float | None, typer.Option(help="split anew: this share of each class to val")] = None,
    test_fraction: Annotated[
        float | None, typer.Option(help="split anew: this share to test; without it test stays")
    ] = None,
    split_floor: Annotated[int, typer.Option(min=0, help="images of each class in val and test at least")] = 1,
    jpeg: Annotated[bool, typer.Option("--jpeg", help="turn PNG and other images into JPEG, quality 95")] = False,
    link: Annotated[str, typer.Option(help="hard, symbolic or copy; auto: hard where possible, else copy")] = "auto",
    mindrecord: Annotated[bool, typer.Option("--mindrecord", help="also write MindRecord shards")] = False,
    image_size: Annotated[int, typer.Option(min=16, max=4096, help="of the squares in MindRecord, pixels")] = 256,
    seed: Annotated[int, typer.Option(min=0, help="of samples and splits")] = 0,
    max_bad_fraction: MaxBad = 1.0,
    format: Format = None,
) -> None:
    """Make a clean copy of a data set from decisions and rules. DATA is only read; the same input gives the same bytes.

    Examples:

      shelfmind prepare photos --decisions audit/review.jsonl --out clean

      shelfmind prepare rp2k --cap others=2000 --fraction 0.2 --jpeg --out small

      shelfmind prepare photos --audit audit --drop-duplicates --drop-leaks --mindrecord --out clean
    """
    from shelfmind.cleaning.prepare import Settings
    from shelfmind.cleaning.prepare import prepare as run_prepare
    from shelfmind.display import Display, prepared_table

    settings = Settings(
        decisions=tuple(decisions or ()),
        prefer=tuple(prefer or ()),
        prefer_latest=prefer_latest,
        ignore_missing_decisions=ignore_missing,
        others=others,
        new_classes=tuple(new_class or ()),
        audit=audit,
        drop_duplicates=drop_duplicates,
        drop_leaks=drop_leaks,
        merge_same_names=merge_same_names,
        fraction=fraction,
        caps=_caps(cap or ()),
        cap_all=cap_all,
        val_fraction=val_fraction,
        test_fraction=test_fraction,
        split_floor=split_floor,
        jpeg=jpeg,
        link=link,
        mindrecord=mindrecord,
        image_size=image_size,
        seed=seed,
        max_bad_fraction=max_bad_fraction,
    )
    display = Display()
    with display.showing():
        prepared = run_prepare(data, out, settings, format=format, counter=display.counter, note=display.line)
    Console().print(prepared_table(prepared.figures))
    for line in prepared.notes:
        display.line(f"note: {line}")
    how = ", ".join(f"{number} {what}" for what, number in sorted(prepared.placed.items()))
    display.line(f"data:   {prepared.out} ({how})")
    display.line(f"report: {prepared.out / 'report.html'}")


@app.command()
def doctor(json_file: JsonFile = None) -> None:
    """Look at this machine: versions, device, memory, and whether convolutions run at full speed.

    Examples:

      shelfmind doctor

      shelfmind doctor --json machine.json
    """
    import shelfmind

    _require_folder_of(json_file)
    facts = shelfmind.doctor()
    if json_file is None or str(json_file) != "-":
        table = Table("what", "found")
        for key, value in facts.items():
            if key not in ("problems", "versions"):
                table.add_row(key.replace("_", " "), str(value))
        for package, version in facts["versions"].items():
            table.add_row(package, version or "not installed")
        Console().print(table)
        for problem in facts["problems"]:
            typer.echo(f"problem: {problem}")
        if not facts["problems"]:
            typer.echo("no problems found")
    _write_json(facts, json_file)
    if facts["problems"]:
        raise typer.Exit(2)


def main() -> None:
    """Run the command; a user's mistake is one line and status 2, Ctrl-C is status 130, our own faults are status 1."""
    try:
        status = app(standalone_mode=False)
    except UserError as error:
        _fail(str(error), 2)
    except KeyboardInterrupt:
        _fail("stopped", INTERRUPTED)
    except BrokenPipeError:
        sys.exit(1)
    except Exception as error:
        if not hasattr(error, "format_message"):  # not a mistake on the command line
            raise
        message, context = error.format_message(), getattr(error, "ctx", None)
        if not message:  # no verb: the help has been shown
            sys.exit(2)
        _fail(f"{message.rstrip('.')}. See: {context.command_path if context else 'shelfmind'} --help", 2)
    if status == INTERRUPTED:
        _fail("stopped", INTERRUPTED)
    sys.exit(status if isinstance(status, int) else 0)


def _fail(message: str, status: int) -> NoReturn:
    typer.echo(f"shelfmind: {message}", err=True)
    sys.exit(status)


def _refuse_beside_resume(context: typer.Context) -> None:
    """A resumed training goes on as it began, so that nothing else may be asked for."""
    options = {parameter.name: parameter.opts[0] for parameter in context.command.params}
    for name in context.params:
        source = context.get_parameter_source(name)
        if name != "resume" and source is not None and source.name != "DEFAULT":
            given = options[name] if options[name].startswith("-") else name.upper()
            raise UserError(f"--resume goes on as the run began, so it takes no {given}")


def _caps(words: Iterable[str]) -> dict[str, int]:
    """CLASS=N, where a class's name may hold = as well."""
    caps = {}
    for word in words:
        name, _, number = word.rpartition("=")
        if not name or not number.isdecimal():
            raise UserError(f"--cap {word} is not like CLASS=N, such as others=2000")
        caps[name] = int(number)
    return caps


def _views(tta: str | None) -> tuple[str, ...] | None:
    if tta is None:
        return None
    return tuple(name.strip() for name in tta.split(",") if name.strip() and name.strip() != "none")


def _headline(text: str) -> str:
    first = text.splitlines()[0] if text else ""
    return first.removeprefix("#").strip()


def _print_evaluation(figures: dict[str, Any]) -> None:
    from shelfmind.display import evaluation_table

    Console().print(evaluation_table(figures))


def _print_predictions(predictions: list[Any], top: int) -> None:
    table = Table("image", *(f"guess {rank}" for rank in range(1, top + 1)))
    for prediction in predictions:
        cells = [f"{guess.class_name} {guess.probability:.1%}" for guess in prediction.guesses]
        table.add_row(prediction.source, *(cells or [f"unusable: {prediction.error}"]))
    Console().print(table)


def _write_json(content: Any, path: Path | None) -> None:
    if path is None:
        return
    if str(path) == "-":
        typer.echo(json.dumps(content, ensure_ascii=False, indent=2))
        return
    from shelfmind.files import write_json

    write_json(path, content)


def _require_folder_of(file: Path | None) -> None:
    """Refuse an output that cannot be written before any work is done."""
    if file is None or str(file) == "-":
        return
    if file.is_dir():
        raise UserError(f"{file} cannot be written: it is a folder")
    if not file.parent.is_dir():
        raise UserError(f"{file} cannot be written: the folder {file.parent} does not exist")
