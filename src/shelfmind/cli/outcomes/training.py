"""The outcomes of the verbs that train."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import typer
from rich.console import Console

from shelfmind.cli.outcomes.figures import JsonFile, write_figures
from shelfmind.cli.outcomes.next_step import print_next_step
from shelfmind.cli.wording import as_typed
from shelfmind.display import Display, evaluation_table, fold_in_table, resolutions_table
from shelfmind.errors import call
from shelfmind.images.checking import note_bad_files
from shelfmind.nouns import counted

if TYPE_CHECKING:  # not needed for help
    from shelfmind.evaluation import Evaluation
    from shelfmind.evaluation.readout import Readout
    from shelfmind.requests.improving import AdaptRequest, FixresRequest, FoldInRequest, SoupRequest, TuneRequest
    from shelfmind.requests.training import PretrainRequest, TrainRequest
    from shelfmind.training.adaptation import Adaptation
    from shelfmind.training.fixres import FixResOutcome
    from shelfmind.training.fold_in import FoldInOutcome
    from shelfmind.training.soup import Soup
    from shelfmind.training.tune import Best


def show_trained(evaluation: Evaluation | None, request: TrainRequest, display: Display) -> None:
    """Print the validation metrics, the paths and the next step."""
    from shelfmind.guidance.next_steps import after_training
    from shelfmind.workflows.afterwards import trained_by

    if evaluation is not None:
        Console().print(evaluation_table(evaluation.to_json()))
        for note in evaluation.notes:
            display.line(as_typed(note, type(request)))
    display.line(f"run:    {request.run}")
    if (request.run / "report.html").exists():
        display.line(f"report: {request.run / 'report.html'}")
    after = after_training(trained_by(request, evaluation))
    print_next_step(display, after.what, after.command)


def show_pretrained(readout: Readout | None, request: PretrainRequest, display: Display) -> None:
    """Print the quality of the embeddings, and how to train from them."""
    if readout is not None:
        _print_readout("nearest neighbours", readout.knn_top1, readout.knn_top1_ci95, readout)
        _print_readout("linear probe", readout.linear_top1, readout.linear_top1_ci95, readout, readout.linear_note)
    display.line(f"run:    {request.run}")
    data = "DATA" if request.data is None else str(request.data)
    following = call("train", data=data, format=request.format, weights=str(request.run), out="OUT")
    print_next_step(display, "train from these weights", following)


def _print_readout(
    how: str, top1: float | None, interval: tuple[float, float] | None, readout: Readout, note: str | None = None
) -> None:
    if top1 is None or interval is None:
        typer.echo(f"{how}: {note}")
        return
    figure = f"top-1 {top1:.2%} ({interval[0]:.2%} to {interval[1]:.2%}) on validation"
    if readout.too_few_images:
        right = f"{round(top1 * readout.images)} of {readout.images}"
        figure = f"top-1 {right} correct on validation: too few images for a percentage"
    typer.echo(f"{how}: {figure}{f'; {note}' if note else ''}")


def show_resolutions(
    outcome: FixResOutcome, request: FixresRequest, display: Display, *, json_file: JsonFile = None
) -> None:
    """Print the results of each size, and which one is kept."""
    write_figures(asdict(outcome), json_file)
    Console(stderr=str(json_file) == "-").print(resolutions_table(outcome))
    if outcome.doubt:
        say = display.warn if outcome.too_few_images else display.line
        say(f"{outcome.kept} px is kept because of its gain on validation images, but {outcome.doubt}")
    kept = f"kept: {outcome.kept} px, in {request.out}" if outcome.kept else "no size is better than the original run"
    display.line(kept)


def show_folded_in(
    outcome: FoldInOutcome, request: FoldInRequest, display: Display, *, json_file: JsonFile = None
) -> None:
    """Print the new classes, the accuracy of old and new classes, and the path of the run."""
    write_figures(asdict(outcome), json_file)
    if outcome.old is not None or outcome.new is not None:
        Console(stderr=str(json_file) == "-").print(fold_in_table(outcome))
    if outcome.old is None:
        display.warn("there are no validation images of old classes: their loss of accuracy cannot be measured")
    elif outcome.old.tuned.change_ci95[1] < 0 and not outcome.old.too_few_images:
        display.warn("the old classes lost accuracy significantly: add photos of them, or train for more epochs")
    if outcome.new is None and outcome.new_classes:
        display.line("no photo of a new product was held out: their accuracy cannot be measured")
    new, old = counted(len(outcome.new_classes), "new class"), counted(outcome.old_classes, "old one")
    photos = counted(outcome.enrolled, "enrolled photo")
    display.line(f"{new} added to {old}, trained on {photos} and {outcome.rehearsed:,} of the run's own")
    display.line(f"run:    {request.out}")


def show_tuned(best: Best, request: TuneRequest, display: Display) -> None:
    """Print the best trial, and the path of its recipe."""
    values = ", ".join(
        f"{name}={value:.4g}" if isinstance(value, float) else f"{name}={value}" for name, value in best.values.items()
    )
    typer.echo(
        f"best of {counted(best.finished, 'trial')} ({best.pruned} more pruned): "
        f"validation top-1 {best.top1:.2%}, {values}"
    )
    display.line(
        f"recipe: {request.out / 'best.yaml'} (selected on validation images, so the validation accuracy is optimistic)"
    )


def show_adaptation(outcome: Adaptation, request: AdaptRequest, display: Display) -> None:
    """Print the photos, the shift of their statistics, and the path of the new run."""
    if outcome.bad_list is not None:
        for note in note_bad_files(outcome.bad_files, outcome.images + len(outcome.bad_files), outcome.bad_list):
            display.warn(note)
    typer.echo(
        f"adapted to {counted(outcome.images, 'photo')}: their statistics differ by {outcome.shift:.2f} standard "
        f"deviations from the run's; their weight is {outcome.weight:g}"
    )
    display.line(f"run:    {request.out}")
    print_next_step(
        display, "evaluate it on labelled photos from there", call("evaluate", runs=[str(request.out)], data="DATA")
    )


def show_soup(outcome: Soup, request: SoupRequest, display: Display) -> None:
    """Print the gain of the soup, and the path of the run."""
    low, high = outcome.gain_ci95
    epochs, images = ", ".join(map(str, outcome.epochs)), outcome.images
    figures = (
        f"validation top-1 {outcome.top1:.2%}, original run {outcome.top1_before:.2%} "
        f"({100 * outcome.gain:+.2f} points, {100 * low:+.2f} to {100 * high:+.2f})"
    )
    if outcome.too_few_images:
        right, before = round(outcome.top1 * images), round(outcome.top1_before * images)
        figures = (
            f"{right} of {images} validation images correct, {before} by the original run: too few images "
            "for a percentage"
        )
    typer.echo(f"{outcome.kind} soup of epochs {epochs}: {figures}")
    if outcome.doubt:
        say = display.warn if outcome.too_few_images else display.line
        say(f"the gain of the soup over the run is not significant: {outcome.doubt}")
    display.line(f"run:    {request.out}")
