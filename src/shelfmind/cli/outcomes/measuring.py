"""The outcomes of the verbs that evaluate or use a run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from shelfmind.cli.outcomes.figures import JsonFile, write_figures
from shelfmind.cli.outcomes.next_step import print_next_step
from shelfmind.cli.outcomes.recognition import recognition_table
from shelfmind.cli.wording import as_typed
from shelfmind.display import Display, evaluation_table, members_table
from shelfmind.nouns import counted
from shelfmind.progress import tell

if TYPE_CHECKING:  # not needed for help
    from shelfmind.evaluation import Evaluation
    from shelfmind.evaluation.calibration import TemperatureScaling
    from shelfmind.inference.embed_files import EmbeddingOutcome
    from shelfmind.inference.predict_files import PredictionOutcome
    from shelfmind.pages.explanations import Explanation
    from shelfmind.records import BadFile
    from shelfmind.requests.measuring import (
        CalibrateRequest,
        EmbedRequest,
        EvaluateRequest,
        ExplainRequest,
        PredictRequest,
    )

UNUSABLE = 2
"""The exit status if no files, or too few, could be used."""
MaxBadFraction = Annotated[
    float, typer.Option(min=0, max=1, help="Exit with status 2 if a larger share of the files is unusable.")
]


def show_evaluation(
    evaluation: Evaluation, request: EvaluateRequest, display: Display, *, json_file: JsonFile = None
) -> None:
    """Print the metrics, the contribution of each run, the path of the report, and the next step of a single run."""
    if json_file is None or str(json_file) != "-":
        Console().print(evaluation_table(evaluation.to_json()))
        if evaluation.members:
            Console().print(members_table(evaluation))
        if evaluation.recognition is not None:
            Console().print(recognition_table(evaluation.recognition))
    write_figures(evaluation.to_json(), json_file)
    for note in evaluation.notes:
        display.line(as_typed(note, type(request)))
    display.line(f"report: {request.results / request.report_name}")
    _print_step_after(evaluation, request, display)


def _print_step_after(evaluation: Evaluation, request: EvaluateRequest, display: Display) -> None:
    from shelfmind.guidance.next_steps import Evaluated, after_evaluation
    from shelfmind.runs.known_data import split_names

    seen = request.allow_seen or "train" in split_names(evaluation.split or "")
    if seen or len(request.runs) > 1 or request.gallery is not None or request.logit_adjust is not None:
        return
    figures, calibrating = evaluation.to_json(), evaluation.poorly_calibrated
    after = after_evaluation(Evaluated(request.runs[0], request.data, figures, calibrating, request.format))
    print_next_step(display, after.what, after.command)


def show_calibration(scaling: TemperatureScaling, request: CalibrateRequest, display: Display) -> None:
    """Print the temperature and its effect on calibration."""
    typer.echo(scaling.sentence())
    if scaling.kept:
        typer.echo(
            f"expected calibration error: {scaling.ece_before:.2%} before, {scaling.ece_after:.2%} after "
            f"(cross-validated on {counted(scaling.images, 'image')})"
        )


def show_predictions(
    outcome: PredictionOutcome, request: PredictRequest, display: Display, *, max_bad_fraction: MaxBadFraction = 1.0
) -> None:
    """Print the first predictions or the path of all, and unusable files."""
    if request.out is None:
        from shelfmind.cli.predictions import answers_table, predictions_table

        console = Console()
        if request.gallery is None:
            console.print(predictions_table(outcome.shown, request.top, console.width))
        else:
            console.print(answers_table(outcome.answers))
        more = outcome.images - len(outcome.shown) - sum(answer.images for answer in outcome.answers)
        if more:
            display.line(f"{more} more; write all with --out predictions.csv")
    else:
        display.line(f"predictions: {request.out}")
    display.line(f"engine: {outcome.engine}")
    tell(outcome.notes, display.note)
    _report_bad_files(outcome.bad_files, outcome.images, display, outcome.bad_list)
    bad = len(outcome.bad_files)
    if bad > max_bad_fraction * outcome.images or bad == outcome.images:
        raise typer.Exit(UNUSABLE)


def show_embeddings(
    outcome: EmbeddingOutcome, request: EmbedRequest, display: Display, *, max_bad_fraction: MaxBadFraction = 1.0
) -> None:
    """Print the path, the engine and unusable files."""
    display.line(f"embeddings: {request.out} ({counted(outcome.images, 'image')}, {outcome.width} values each)")
    display.line(f"engine: {outcome.engine}")
    _report_bad_files(outcome.bad_files, outcome.images, display, outcome.bad_list)
    bad = len(outcome.bad_files)
    if bad > max_bad_fraction * outcome.images or bad == outcome.images:
        raise typer.Exit(UNUSABLE)


def show_explanations(explanations: Sequence[Explanation], request: ExplainRequest, display: Display) -> None:
    """Print the path of the page, and unusable files."""
    from shelfmind.records import BadFile

    bad = [BadFile(Path(each.path), each.error) for each in explanations if each.error is not None]
    _report_bad_files(bad, len(explanations), display)
    display.line(f"page: {request.out / 'index.html'}")
    if len(bad) == len(explanations):
        raise typer.Exit(UNUSABLE)


def _report_bad_files(
    bad_files: Sequence[BadFile], images: int, display: Display, list_path: Path | None = None
) -> None:
    from shelfmind.images.checking import note_bad_files

    tell(note_bad_files(list(bad_files), images, list_path), display.note)
