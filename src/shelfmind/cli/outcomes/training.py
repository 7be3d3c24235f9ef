"""What the verbs that train came to."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import typer
from rich.console import Console

from shelfmind.cli.outcomes.figures import JsonFile, write_figures
from shelfmind.cli.outcomes.next_step import say_next
from shelfmind.cli.wording import as_typed
from shelfmind.display import Display, evaluation_table, fold_in_table, resolutions_table
from shelfmind.errors import call
from shelfmind.images.checking import note_bad_files
from shelfmind.nouns import counted

if TYPE_CHECKING:  # a command's help does without them
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
    """The figures on validation, where the run is, and what comes next."""
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
    say_next(display, after.what, after.command)


def show_pretrained(readout: Readout | None, request: PretrainRequest, display: Display) -> None:
    """What the embeddings are worth, and how to start from them."""
    if readout is not None:
        _print_readout("nearest neighbours", readout.knn_top1, readout.knn_top1_ci95, readout)
        _print_readout("linear probe", readout.linear_top1, readout.linear_top1_ci95, readout)
    display.line(f"run:    {request.run}")
    data = "DATA" if request.data is None else str(request.data)
    say_next(display, "start a training from it", call("train", data=data, weights=str(request.run), out="OUT"))


def _print_readout(how: str, top1: float, interval: tuple[float, float], readout: Readout) -> None:
    figure = f"top-1 {top1:.2%} ({interval[0]:.2%} to {interval[1]:.2%}) on validation"
    if readout.too_few_images:
        right = f"{round(top1 * readout.images)} of {readout.images}"
        figure = f"top-1 {right} right on validation: too few images to judge"
    typer.echo(f"{how}: {figure}")


def show_resolutions(
    outcome: FixResOutcome, request: FixresRequest, display: Display, *, json_file: JsonFile = None
) -> None:
    """What each size gave, and which is kept."""
    Console().print(resolutions_table(outcome))
    write_figures(asdict(outcome), json_file)
    if outcome.doubt:
        say = display.warn if outcome.too_few_images else display.line
        say(f"{outcome.kept} px is kept for a gain on validation images, but {outcome.doubt}")
    kept = f"kept: {outcome.kept} px, in {request.out}" if outcome.kept else "no size is better than the run as it is"
    display.line(kept)


def show_folded_in(
    outcome: FoldInOutcome, request: FoldInRequest, display: Display, *, json_file: JsonFile = None
) -> None:
    """What became classes, what old ones lost and new ones reached, and where the run is."""
    write_figures(asdict(outcome), json_file)
    if outcome.old is not None or outcome.new is not None:
        Console(stderr=str(json_file) == "-").print(fold_in_table(outcome))
    if outcome.old is None:
        display.warn("there is no validation image of old classes: what they lost cannot be told")
    elif outcome.old.tuned.change_ci95[1] < 0 and not outcome.old.too_few_images:
        display.warn("the old classes lost accuracy beyond chance: give more photos of them, or more epochs")
    if outcome.new is None and outcome.new_classes:
        display.line("no photo of a new product was held out, so nothing says how well they are recognised")
    new, old = counted(len(outcome.new_classes), "new class"), counted(outcome.old_classes, "old one")
    photos = counted(outcome.enrolled, "enrolled photo")
    display.line(f"{new} beside {old}, from {photos} and {outcome.rehearsed:,} of the run's own")
    display.line(f"run:    {request.out}")


def show_tuned(best: Best, request: TuneRequest, display: Display) -> None:
    """The best trial, and where its recipe is."""
    values = ", ".join(
        f"{name}={value:.4g}" if isinstance(value, float) else f"{name}={value}" for name, value in best.values.items()
    )
    typer.echo(
        f"best of {counted(best.finished, 'trial')} ({best.pruned} more stopped early): "
        f"validation top-1 {best.top1:.2%}, {values}"
    )
    display.line(f"recipe: {request.out / 'best.yaml'} (chosen on validation images, so their figure flatters it)")


def show_adaptation(outcome: Adaptation, request: AdaptRequest, display: Display) -> None:
    """What it was adapted to, how different that is, and where the new run is."""
    if outcome.bad_list is not None:
        for note in note_bad_files(outcome.bad_files, outcome.images + len(outcome.bad_files), outcome.bad_list):
            display.warn(note)
    typer.echo(
        f"adapted to {counted(outcome.images, 'photo')}: their statistics lie {outcome.shift:.2f} standard deviations "
        f"from the run's, and have a weight of {outcome.weight:g}"
    )
    display.line(f"run:    {request.out}")
    say_next(
        display, "measure it on labelled photos from there", call("evaluate", runs=[str(request.out)], data="DATA")
    )


def show_soup(outcome: Soup, request: SoupRequest, display: Display) -> None:
    """What the soup gains, and where it is."""
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
    display.line(f"run:    {request.out}")
