"""The verbs that train: train, pretrain, fixres, soup."""

from __future__ import annotations

from contextlib import AbstractContextManager, ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, cast

import typer
from rich.console import Console

from shelfmind.cli.application import app
from shelfmind.cli.options import (
    Data,
    Format,
    JsonFile,
    MaxBad,
    Run,
    print_evaluation,
    require_folder_of,
    stoppable,
    write_figures,
)
from shelfmind.errors import UserError
from shelfmind.nouns import counted

if TYPE_CHECKING:
    from shelfmind.display import Display
    from shelfmind.training.watching import Watcher

PANEL = "Train"


@app.command(rich_help_panel=PANEL)
def train(
    context: typer.Context,
    data: Annotated[Path | None, typer.Argument(help="data set; not with --resume")] = None,
    recipe: Annotated[str, typer.Option(help="a name from `shelfmind recipes`, or a YAML file")] = "default",
    out: Annotated[Path | None, typer.Option(help="run folder to make")] = None,
    resume: Annotated[Path | None, typer.Option(help="go on with this run folder")] = None,
    overrides: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="change the recipe; may be repeated")
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="instead of the recipe's; not with --max-minutes")] = None,
    seed: Annotated[int, typer.Option(min=0, help="of split, weights, order and augmentation")] = 0,
    max_minutes: Annotated[
        float | None, typer.Option(help="fit the whole schedule into this time instead of a number of epochs")
    ] = None,
    weights: Annotated[
        str | None,
        typer.Option("--weights", "--init", help="start from these: a file, a run folder, or official ones by name"),
    ] = None,
    offline: Annotated[bool, typer.Option("--offline", help="never download weights")] = False,
    split_of: Annotated[
        Path | None, typer.Option(help="take this run's split, so that both can be judged together; new photos: train")
    ] = None,
    rules: Annotated[str | None, typer.Option(help="keep these terms: contest")] = None,
    track: Annotated[
        str | None, typer.Option(help="also send figures to tensorboard (RUN/tensorboard), mlflow, or both: a,b")
    ] = None,
    max_bad_fraction: MaxBad = 0.01,
    format: Format = None,
) -> None:
    """Train a recogniser and write it to a run folder.

    Examples:

      shelfmind train photos --out runs/first

      shelfmind train photos --recipe grocery_cpu --max-minutes 60 --out runs/hour

      shelfmind train photos --recipe rp2k/se_resnext50 --set train.batch_size=32 --seed 1 --out runs/se

      shelfmind train photos --recipe rp2k/se_resnext50 --weights se_resnext50 --out runs/from_imagenet

      shelfmind train photos --seed 5 --split-of runs/first --out runs/s5

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
    trackers = [name.strip() for name in (track or "").split(",") if name.strip()]
    run = resume if resume is not None else out
    assert run is not None
    import shelfmind

    with _resumable("train", run, display), ExitStack() as closing, display.showing():
        watcher: Watcher = TrainingDisplay(display)
        if trackers:
            watcher = tracking = shelfmind.TrackingWatcher(trackers, watcher)
            closing.callback(tracking.close)
        if resume is not None:
            evaluation = shelfmind.resume(resume, watcher=watcher)
        else:
            assert data is not None
            assert out is not None
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
                split_of=split_of,
                watcher=watcher,
            )
    if evaluation is not None:
        print_evaluation(evaluation.to_json())
        for note in evaluation.notes:
            display.line(note)
    display.line(f"run:    {run}")
    if (run / "report.html").exists():
        display.line(f"report: {run / 'report.html'}")
    display.repeat_warnings()


@app.command(rich_help_panel=PANEL)
def pretrain(
    context: typer.Context,
    data: Annotated[Path | None, typer.Argument(help="data set; not with --resume")] = None,
    out: Annotated[Path | None, typer.Option(help="run folder to make")] = None,
    resume: Annotated[Path | None, typer.Option(help="go on with this run folder")] = None,
    broader: Annotated[
        Path | None, typer.Option(help="learn broader classes instead: a CSV with the columns class,broader")
    ] = None,
    recipe: Annotated[
        str | None,
        typer.Option(help="a name from `shelfmind recipes`, or a YAML file; pretrain, or default with --broader"),
    ] = None,
    overrides: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="change the recipe; may be repeated")
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="instead of the recipe's; not with --max-minutes")] = None,
    seed: Annotated[int, typer.Option(min=0, help="of weights, order and augmentation")] = 0,
    max_minutes: Annotated[float | None, typer.Option(help="fit the whole schedule into this time")] = None,
    max_bad_fraction: MaxBad = 0.01,
    format: Format = None,
) -> None:
    """Learn from photos without their labels (SimSiam) or from broader labels, for `train --init`; read out the gain.

    Examples:

      shelfmind pretrain photos --max-minutes 30 --out runs/pretrained

      shelfmind pretrain photos --broader brands.csv --epochs 20 --out runs/pretrained

      shelfmind train photos --init runs/pretrained --out runs/first
    """
    from shelfmind.data.detection import require_path
    from shelfmind.display import Display, TrainingDisplay

    if resume is not None:
        _refuse_beside_resume(context)
    elif data is None or out is None:
        raise UserError("pretrain needs DATA and --out RUN, or --resume RUN")
    else:
        require_path(data)
    if broader is not None:
        require_path(broader)
    run = resume if resume is not None else out
    assert run is not None
    import shelfmind

    display = Display()
    with _resumable("pretrain", run, display), display.showing():
        watcher = TrainingDisplay(display)
        readout = shelfmind.pretrain(
            None if resume is not None else data,
            out=run,
            recipe=recipe,
            overrides=overrides or (),
            broader=broader,
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
            share, images = getattr(readout, f"{name}_top1"), readout.images
            figure = f"top-1 {share:.2%} ({low:.2%} to {high:.2%}) on validation"
            if readout.too_few_images:
                figure = f"top-1 {round(share * images)} of {images} right on validation: too few images to judge"
            typer.echo(f"{how}: {figure}")
    display.line(f"run:    {run}; start from it with: shelfmind train DATA --init {run}")
    display.repeat_warnings()


@app.command(rich_help_panel=PANEL)
def fixres(
    run: Run,
    resolutions: Annotated[str, typer.Option(help="image sizes to try, such as 224,256,288")],
    out: Annotated[Path, typer.Option(help="run folder to make if a size is better")],
    epochs: Annotated[
        int | None, typer.Option(help="of each fine-tuning, 5 if not given; not with --max-minutes")
    ] = None,
    max_minutes: Annotated[float | None, typer.Option(help="of each fine-tuning, instead of --epochs")] = None,
    json_file: JsonFile = None,
) -> None:
    """Fit a run to larger test images: fine-tune classifier and last normalisation at each size, keep the best.

    Examples:

      shelfmind fixres runs/first --resolutions 112,128,144 --out runs/first_fixres
    """
    from shelfmind.display import Display, TrainingDisplay, resolutions_table
    from shelfmind.runs.folder import RunFolder

    RunFolder(run).require()
    require_folder_of(json_file)
    try:
        sizes = [int(size) for size in resolutions.split(",") if size.strip()]
    except ValueError as error:
        raise UserError(f"--resolutions must be sizes such as 224,256,288, got '{resolutions}'") from error
    import shelfmind

    display = Display()
    with display.showing():
        watcher = TrainingDisplay(display)
        outcome = shelfmind.fixres(
            run, out=out, resolutions=sizes, epochs=epochs, max_minutes=max_minutes, watcher=watcher
        )
    Console().print(resolutions_table(outcome))
    write_figures(asdict(outcome), json_file)
    kept = f"kept: {outcome.kept} px, in {out}" if outcome.kept else "no size is better than the run as it is"
    if outcome.doubt:
        say = display.warn if outcome.too_few_images else display.line
        say(f"{outcome.kept} px is kept for a gain on validation images, but {outcome.doubt}")
    display.line(kept)
    display.repeat_warnings()


@app.command(rich_help_panel=PANEL)
def tune(
    data: Data,
    out: Annotated[Path, typer.Option(help="folder for the study and its trials, or one to go on with")],
    recipe: Annotated[str, typer.Option(help="a name from `shelfmind recipes`, or a YAML file")] = "default",
    trials: Annotated[int, typer.Option(min=1, help="in all, those of earlier calls included")] = 20,
    space: Annotated[
        Path | None, typer.Option(help="YAML of what to search: train.lr: {low: 0.01, high: 0.1, log: true}, ...")
    ] = None,
    overrides: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="change the recipe; may be repeated")
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(help="of each trial, instead of the recipe's; not with --max-minutes")
    ] = None,
    max_minutes: Annotated[float | None, typer.Option(help="of each trial, instead of --epochs")] = None,
    seed: Annotated[int, typer.Option(min=0, help="of every trial and of the search")] = 0,
    format: Format = None,
) -> None:
    """Search a recipe's values on validation images (Optuna); hopeless trials are stopped early; resumable.

    Examples:

      shelfmind tune photos --trials 20 --max-minutes 5 --out search

      shelfmind train photos --recipe search/best.yaml --out runs/tuned
    """
    import yaml

    from shelfmind.data.detection import require_path
    from shelfmind.display import Display, TrainingDisplay

    require_path(data)
    searched = None
    if space is not None:
        try:
            searched = yaml.safe_load(space.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise UserError(f"{space} cannot be read: {str(error).splitlines()[0]}") from error
        if not isinstance(searched, dict) or not searched:
            raise UserError(f"{space} names nothing to search; it maps recipe keys to choices or ranges")
    import shelfmind

    display = Display()
    with display.showing():
        watcher = TrainingDisplay(display)
        best = shelfmind.tune(
            data,
            out=out,
            recipe=recipe,
            trials=trials,
            space=searched,
            overrides=tuple(overrides or ()),
            epochs=epochs,
            max_minutes=max_minutes,
            seed=seed,
            format=format,
            watcher=watcher,
        )
    values = ", ".join(
        f"{name}={value:.4g}" if isinstance(value, float) else f"{name}={value}" for name, value in best.values.items()
    )
    typer.echo(
        f"best of {counted(best.finished, 'trial')} ({best.pruned} more stopped early): "
        f"validation top-1 {best.top1:.2%}, {values}"
    )
    display.line(f"recipe: {out / 'best.yaml'} (chosen on validation images, so their figure flatters it)")
    display.repeat_warnings()


@app.command(rich_help_panel=PANEL)
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
    from shelfmind.runs.folder import RunFolder

    if kind not in ("greedy", "uniform"):
        raise unknown_name("kind of soup", kind, ("greedy", "uniform"))
    RunFolder(run).require()
    import shelfmind

    display = Display()
    with display.showing():
        outcome = shelfmind.soup(run, out=out, kind=cast(Literal["greedy", "uniform"], kind), counter=display.counter)
    low, high = outcome.gain_ci95
    epochs, images = ", ".join(map(str, outcome.epochs)), outcome.images
    figures = (
        f"validation top-1 {outcome.top1:.2%}, the run has {outcome.top1_before:.2%} "
        f"({100 * outcome.gain:+.2f} points, {100 * low:+.2f} to {100 * high:+.2f})"
    )
    if outcome.too_few_images:
        right, before = round(outcome.top1 * images), round(outcome.top1_before * images)
        figures = f"{right} of {images} validation images right, {before} by the run: too few images to judge"
    typer.echo(f"{outcome.kind} soup of the epochs {epochs}: {figures}")
    if outcome.doubt:
        say = display.warn if outcome.too_few_images else display.line
        say(f"the soup's gain over the run is not proved: {outcome.doubt}")
    display.line(f"run:    {out}")
    display.repeat_warnings()


def _resumable(verb: str, run: Path, display: Display) -> AbstractContextManager[None]:
    """Say on Ctrl-C how to go on with a run that has begun."""
    advice = f"what is trained so far is kept. Go on with: shelfmind {verb} --resume {run}"
    return stoppable(run / "recipe.yaml", advice, display)


def _refuse_beside_resume(context: typer.Context) -> None:
    """A resumed training goes on as it began, so that nothing else may be asked for."""
    options = {parameter.name: parameter.opts[0] for parameter in context.command.params}
    for name in context.params:
        source = context.get_parameter_source(name)
        if name not in ("resume", "track") and source is not None and source.name != "DEFAULT":
            given = options[name] if options[name].startswith("-") else name.upper()
            raise UserError(f"--resume goes on as the run began, so it takes no {given}")
