"""Evaluates a run on a labelled data set and writes metrics, tables and the report."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from shelfmind.data import needed_format
from shelfmind.errors import Message, UserError, argument, call
from shelfmind.evaluation import (
    Evaluation,
    evaluate,
    write_confusions_csv,
    write_errors_csv,
    write_metrics,
    write_per_class_csv,
    write_slices_csv,
)
from shelfmind.evaluation.calibration import TemperatureScaling, scale_temperature
from shelfmind.evaluation.logit_adjustment import TradeOff, logit_adjusted, trade_off
from shelfmind.evaluation.overlap import Overlap
from shelfmind.files import make_folder, write_atomically, write_json
from shelfmind.images.checking import note_bad_files, reject_too_many_bad
from shelfmind.images.decoding import BadImage
from shelfmind.images.squares import open_squares, square
from shelfmind.inference.adaptation import require_unadapted
from shelfmind.inference.engines import MINDSPORE
from shelfmind.inference.prediction_cache import predictions_of
from shelfmind.inference.predictor import RunPredictor
from shelfmind.machine.packages import installed
from shelfmind.pages.evaluation_report import write_evaluation_report
from shelfmind.pages.thumbnails import data_uri
from shelfmind.progress import Counter, Note, ignore_note, tell
from shelfmind.records import Catalog, Predictions
from shelfmind.requests.calling import takes
from shelfmind.requests.measuring import CalibrateRequest, EvaluateRequest
from shelfmind.requests.watching import SILENT, Observer
from shelfmind.runs.adaptation import note_on_adaptation
from shelfmind.runs.calibration import note_on_temperature, write_temperature
from shelfmind.runs.folder import RunFolder, note_if_unfinished, read_json
from shelfmind.runs.known_data import chosen_split, open_known, samples_of, split_names
from shelfmind.runs.overlaps import refuse_seen
from shelfmind.runs.rules import engine_under
from shelfmind.workflows.difficulties import slices_of, training_references
from shelfmind.workflows.evaluated_images import UNSEEN, notes_on, notes_on_overlap, overlap_with, refuse_too_few

WITHOUT_MAPS = (
    "saliency maps of the worst errors are not shown: they need gradients and thus MindSpore, which is not installed"
)


def evaluate_run(request: EvaluateRequest, watcher: Observer = SILENT) -> Evaluation:
    """Evaluate one run on one split of a data set and write the results to the run folder.

    Photos are identified by content: those of the run's own data set keep their split from training, wherever they are
    now; all others are ``new``, unless the data set itself marks them as test. The split is train, val, test or new, or
    several joined by commas. It defaults to test if there is one, else new, else val.

    With `logit_adjust`, probabilities are first adjusted with this strength (see `evaluation.logit_adjustment`), and
    `logit_adjustment.json` contains the results of other strengths.

    Raises:
        UserError: a class unknown to the run, a missing or empty split, too many bad files, or, unless `allow_seen`,
            test images that were, or may have been, trained or validated on, or too few that the initial weights of
            the run have not seen.
    """
    counter = watcher.counter
    engine = engine_under(request.rules, request.engine)
    require_unadapted(request.rules, request.runs)
    predictor = RunPredictor(RunFolder(request.runs[0]), request.tta, engine=engine, batch=request.batch)
    known = open_known(
        [predictor.run], request.data, request.format, counter, allow_seen=request.allow_seen, some_classes=True
    )
    if request.allow_seen:
        known = known.for_first_run()
    else:
        refuse_too_few(known, request.split)
    tell(known.catalog.notes, watcher.note)
    split = chosen_split(known.catalog, request.split)
    folder = evaluation_folder(predictor.run.root, split)
    if not request.allow_seen:
        refuse_seen(
            [sample for sample in samples_of(known.catalog, split) if sample.split in UNSEEN],
            known.histories,
            "so they cannot test it",
            folder / "seen.csv",
        )
    predictions = predict_split(
        predictor, known.catalog, split, request.max_bad_fraction, folder, counter, watcher.note
    )
    return write_evaluation(
        predictor,
        known.catalog,
        split,
        predictions,
        data=request.data,
        overlap=overlap_with(known, split, predictions, counter),
        notes=(
            *notes_on(known, split),
            *note_on_temperature(predictor.run, predictor.temperature, split),
            *note_on_adaptation(predictor.run),
            *note_if_unfinished(predictor.run.root),
        ),
        logit_adjust=request.logit_adjust,
        by_difficulty=counter,
    )


@takes(CalibrateRequest)
def calibrate_run(request: CalibrateRequest, watcher: Observer = SILENT) -> TemperatureScaling:
    """Fit the temperature of a run on one split (not test), and keep it if it significantly improves the likelihood of
    held-out labels; otherwise keep temperature 1.

    Returns:
        The fit, whether it is kept, and why. `replaced` is an earlier temperature of these weights that no longer
        applies; `trained` and `near_copies` count images that the run has seen, which makes a temperature unreliable.

    Raises:
        UserError: the split is test, missing or empty, the classes differ from the run's, too many files are bad, or,
            unless `allow_seen`, images were trained on.
    """
    if "test" in split_names(request.split):
        raise UserError(
            f"a temperature fitted to the test split would invalidate test results; use {argument('split', 'val')}"
        )
    counter, allow_seen = watcher.counter, request.allow_seen
    predictor = RunPredictor(RunFolder(request.run), request.tta, calibrated=False)
    known = open_known([predictor.run], request.data, request.format, counter, allow_seen=allow_seen)
    split = chosen_split(known.catalog, request.split)
    folder = evaluation_folder(predictor.run.root, split)
    if not allow_seen:
        trained = known.catalog.split("train") if "train" in split_names(split) else ()
        purpose = "which is overconfident on them"
        refuse_seen(trained, known.histories, purpose, folder / "seen.csv")
    predictions = predict_split(predictor, known.catalog, split, request.max_bad_fraction, folder, counter)
    overlap = overlap_with(known, split, predictions, counter)
    seen = (0, 0) if overlap is None else (overlap.trained, overlap.near_copies or 0)
    scaling = replace(scale_temperature(predictions), trained=seen[0], near_copies=seen[1])
    replaced = write_temperature(predictor.run, scaling, predictor.checksum, predictor.tta, split)
    return replace(scaling, replaced=replaced)


def predict_split(
    predictor: RunPredictor,
    catalog: Catalog,
    split: str,
    max_bad_fraction: float,
    folder: Path,
    counter: Counter,
    note: Note = ignore_note,
) -> Predictions:
    """Predictions of one split, or of several joined by commas. Bad files are listed in `folder`; too many raise
    `UserError`."""
    samples = samples_of(catalog, split)
    squares, good, bad_files = open_squares(samples, predictor.recipe.data, counter("checking images", len(samples)))
    reject_too_many_bad(bad_files, len(samples), max_bad_fraction, folder / "bad_files.csv")
    tell(note_bad_files(bad_files, len(samples), folder / "bad_files.csv"), note)
    return predictions_of(predictor, squares, good, bad_files, counter)


def write_evaluation(
    predictor: RunPredictor,
    catalog: Catalog,
    split: str,
    predictions: Predictions,
    *,
    data: Path,
    overlap: Overlap | None,
    notes: Sequence[str] = (),
    logit_adjust: float | None = None,
    by_difficulty: Counter | None = None,
) -> Evaluation:
    """Compute metrics and write `metrics.json`, `report.html` and the tables of `evaluation/<split>/`.

    `data` is the data path as given by the user. With `by_difficulty` (a progress counter), accuracy is also measured
    by difficulty.
    """
    run = predictor.run
    train_images = np.array(predictor.train_images, np.int64)
    folder = evaluation_folder(run.root, split)
    trade_offs: Sequence[TradeOff] = ()
    if logit_adjust is not None:
        trade_offs = trade_off(predictions, train_images)
        predictions = logit_adjusted(predictions, train_images, logit_adjust)
    evaluation = evaluate(
        predictions,
        train_images,
        split=split,
        tta=predictor.tta,
        seen=overlap,
        notes=(*notes, *notes_on_overlap(overlap, split), *([] if installed(MINDSPORE) else [WITHOUT_MAPS])),
    )
    slices = None
    if by_difficulty is not None:
        compared = training_references([predictor], [1.0], catalog, len(predictions), by_difficulty)
        slices = slices_of(predictor.recipe.data, catalog, predictions, compared, train_images, by_difficulty)
    evaluation = replace(evaluation, warnings=run.read_warnings(), engine=predictor.engine.name, slices=slices)
    wanted = needed_format(data, catalog.format)
    advice = calibration_advice(evaluation, run, data, wanted) if logit_adjust is None else ()
    with run.new_results():
        if trade_offs:
            write_json(folder / "logit_adjustment.json", [asdict(row) for row in trade_offs])
        write_metrics(evaluation, run.metrics)
        write_tables(evaluation, predictions, folder)
        write_evaluation_report(
            run.report,
            name=run.root.resolve().name,
            data=data.resolve().name,
            recipe_text=run.recipe.read_text(encoding="utf-8"),
            history=run.read_log(),
            evaluation=evaluation,
            predictions=predictions,
            catalog_notes=catalog.notes,
            train_counts=train_images,
            provenance=read_json(run.provenance) if run.provenance.exists() else {},
            references=references_of(catalog),
            overlays=_overlays_of_errors(predictor, evaluation),
            trade_offs=trade_offs,
            errors_file=f"evaluation/{split}/errors.csv",
            calibrating=calibrating_command(run, data, wanted) if advice else (),
        )
    return replace(evaluation, notes=(*evaluation.notes, *advice))


def calibration_advice(
    evaluation: Evaluation, run: RunFolder, data: Path, format: str | None = None
) -> tuple[str, ...]:
    """Advice for a poorly calibrated run; empty for other runs and for training images."""
    if not evaluation.poorly_calibrated or "train" in split_names(evaluation.split or ""):
        return ()
    how = call("calibrate", run=run.root, data=data, format=format)
    apart = f"confidence and accuracy differ by {evaluation.ece:.1%} on average, significantly"
    return (Message(f"{apart}; calibrate with: {how}"),)


def calibrating_command(run: RunFolder, data: Path, format: str | None) -> list[str]:
    """The words of the command that calibrates a run."""
    options = {} if format is None else {"format": format}
    typed = [part for name, value in options.items() for part in (f"--{name}", value)]
    return ["shelfmind", "calibrate", str(run.root), str(data), *typed]


def _overlays_of_errors(predictor: RunPredictor, evaluation: Evaluation) -> dict[str, str]:
    """Saliency maps of the wrong classes of the worst errors; empty without feature maps or without MindSpore."""
    if not installed(MINDSPORE):
        return {}
    names = {name: label for label, name in enumerate(predictor.class_names)}
    squares, paths, classes = [], [], []
    for error in evaluation.worst_errors:
        try:
            squares.append(square(Path(error.path), predictor.recipe.data))
        except BadImage:  # deleted since the prediction
            continue
        paths.append(error.path)
        classes.append(names[error.predicted])
    if not predictor.engine.name.startswith(MINDSPORE):  # only this engine has gradients
        predictor = RunPredictor(predictor.run, tta=(), calibrated=False)
    from shelfmind.workflows.saliency import overlays  # imports MindSpore, which is started by now

    try:
        pictures = overlays(predictor, squares, np.array(classes, np.int64))
    except UserError:
        return {}
    return {path: data_uri(picture) for path, picture in zip(paths, pictures, strict=True)}


def write_tables(evaluation: Evaluation, predictions: Predictions, folder: Path) -> None:
    """Write the metrics, tables and predictions of one evaluation to `folder`."""
    write_metrics(evaluation, folder / "metrics.json")
    write_per_class_csv(evaluation, folder / "per_class.csv")
    write_confusions_csv(evaluation, folder / "confusions.csv")
    write_errors_csv(evaluation, folder / "errors.csv")
    write_slices_csv(evaluation, folder / "slices.csv")
    write_atomically(folder / "predictions.npz", predictions.save)


def references_of(catalog: Catalog, each: int = 2) -> dict[int, list[Path]]:
    """A few training images of each class, for comparison in the report."""
    references: dict[int, list[Path]] = defaultdict(list)
    for sample in (*catalog.split("train"), *catalog.samples):
        if len(references[sample.label]) < each:
            references[sample.label].append(sample.path)
    return dict(references)


def evaluation_folder(root: Path, split: str) -> Path:
    """The folder of the tables of a split, created if necessary. Raises `UserError` if that fails."""
    folder = root / "evaluation" / split
    make_folder(folder)
    return folder
