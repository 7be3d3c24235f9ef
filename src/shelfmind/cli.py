"""The `shelfmind` command: one verb a function; each parses, calls and prints."""

from __future__ import annotations

import json
import sys
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
