"""Evaluates a run on a labelled data set and writes figures, tables and the report."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from shelfmind.errors import Message, UserError, argument, call, marked
from shelfmind.evaluation import (
    Evaluation,
    evaluate,
    write_confusions_csv,
    write_errors_csv,
    write_metrics,
    write_per_class_csv,
)
from shelfmind.evaluation.calibration import TemperatureScaling, scale_temperature
from shelfmind.evaluation.logit_adjustment import TradeOff, adjusted, trade_off
from shelfmind.evaluation.overlap import Overlap
from shelfmind.files import make_folder, write_json, write_whole
from shelfmind.images.checking import note_bad_files, refuse_too_many_bad
from shelfmind.images.decoding import BadImage
from shelfmind.images.squares import open_squares, square
from shelfmind.inference.kept_predictions import predictions_of
from shelfmind.inference.predictor import Predictor
from shelfmind.nouns import counted
from shelfmind.pages.report import write_report
from shelfmind.pages.thumbnails import data_address
from shelfmind.progress import Counter, Note, count_silently, say_nothing, tell
from shelfmind.records import Catalog, Predictions
from shelfmind.runs.calibration import write_temperature
from shelfmind.runs.folder import RunFolder, read_json
from shelfmind.runs.known_data import NEW, KnownData, chosen_split, lost_to_others, open_known, part, split_names
from shelfmind.runs.overlaps import overlap_of, refuse_seen
from shelfmind.workflows.saliency import overlays

MAX_BAD_FRACTION = 0.01
UNSEEN = ("test", NEW)
"""The groups whose images nobody should have learnt or chosen anything from."""


def evaluate_run(
    run: Path | str,
    data: Path | str,
    *,
    split: str | None = None,
    tta: Sequence[str] | None = None,
    logit_adjust: float | None = None,
    format: str | None = None,
    max_bad_fraction: float = MAX_BAD_FRACTION,
    allow_seen: bool = False,
    counter: Counter = count_silently,
    note: Note = say_nothing,
) -> Evaluation:
    """Evaluate a run on one split of a data set and write everything beside the run.

    Photos are known by their content: those of the run's own data set keep the split that they had in training,
    wherever they lie now; all others are ``new``, unless the data set itself calls them test. `split` is train, val,
    test or new, or several joined by commas; test if there is any, else new, else val if it is not given.

    With `logit_adjust` probabilities are adjusted by this strength first (see `evaluation.logit_adjustment`), and
    `logit_adjustment.json` says what other strengths would give.

    Raises:
        UserError: a class that the run does not know, a split that is missing or empty, too many bad files, or,
            unless `allow_seen`, test images that were trained or validated on, or may have been.
    """
    predictor = Predictor(RunFolder(Path(run)), tta)
    known = open_known([predictor.run], Path(data), format, counter, allow_seen=allow_seen, some_classes=True)
    tell(known.catalog.notes, note)
    split = chosen_split(known.catalog, split)
    folder = evaluation_folder(predictor.run.root, split)
    if not allow_seen:
        refuse_seen(
            [sample for sample in part(known.catalog, split) if sample.split in UNSEEN],
            known.histories,
            "so they are no test of it",
            folder / "seen.csv",
        )
    predictions = predict_split(predictor, known.catalog, split, max_bad_fraction, folder, counter, note)
    return write_evaluation(
        predictor,
        known.catalog,
        split,
        predictions,
        data=Path(data),
        overlap=overlap_with(known, split, predictions, counter),
        notes=notes_on(known, split),
        logit_adjust=logit_adjust,
    )


def calibrate_run(
    run: Path | str,
    data: Path | str,
    *,
    split: str = "val",
    tta: Sequence[str] | None = None,
    format: str | None = None,
    max_bad_fraction: float = MAX_BAD_FRACTION,
    allow_seen: bool = False,
    counter: Counter = count_silently,
) -> TemperatureScaling:
    """Fit the temperature of a run's probabilities to one split, never to test, and keep it beside the weights if the
    likelihood of held-out labels is better for it beyond chance; otherwise say so and keep temperature 1.

    `replaced` of the outcome is an earlier temperature of these weights that no longer holds.

    Raises:
        UserError: the split is test, missing or empty, the classes differ from the run's, too many files are bad, or,
            unless `allow_seen`, images were trained on.
    """
    if "test" in split_names(split):
        val = argument("split", "val")
        raise UserError(f"a temperature fitted to the test split makes its figures worthless; use {val}")
    predictor = Predictor(RunFolder(Path(run)), tta, calibrated=False)
    known = open_known([predictor.run], Path(data), format, counter, allow_seen=allow_seen)
    split = chosen_split(known.catalog, split)
    folder = evaluation_folder(predictor.run.root, split)
    if not allow_seen:
        trained = known.catalog.split("train") if "train" in split_names(split) else ()
        purpose = "which is far surer of them than of others"
        refuse_seen(trained, known.histories, purpose, folder / "seen.csv")
    scaling = scale_temperature(predict_split(predictor, known.catalog, split, max_bad_fraction, folder, counter))
    replaced = write_temperature(predictor.run, scaling, predictor.checksum, predictor.tta, split)
    return replace(scaling, replaced=replaced)


def predict_split(
    predictor: Predictor,
    catalog: Catalog,
    split: str,
    max_bad_fraction: float,
    folder: Path,
    counter: Counter,
    note: Note = say_nothing,
) -> Predictions:
    """Predictions of one split, or of several joined by commas; bad files are listed in `folder`, and refused where
    they are too many."""
    samples = part(catalog, split)
    squares, good, bad_files = open_squares(samples, predictor.recipe.data, counter("checking images", len(samples)))
    refuse_too_many_bad(bad_files, len(samples), max_bad_fraction, folder / "bad_files.csv")
    tell(note_bad_files(bad_files, len(samples), folder / "bad_files.csv"), note)
    return predictions_of(predictor, squares, good, bad_files, counter)


def write_evaluation(
    predictor: Predictor,
    catalog: Catalog,
    split: str,
    predictions: Predictions,
    *,
    data: Path,
    overlap: Overlap | None,
    notes: Sequence[str] = (),
    logit_adjust: float | None = None,
) -> Evaluation:
    """Measure and write `metrics.json`, `report.html` and the tables of `evaluation/<split>/`; `data` is where the user
    says that the data lies."""
    run = predictor.run
    train_images = np.array(predictor.train_images, np.int64)
    folder = evaluation_folder(run.root, split)
    trade_offs: Sequence[TradeOff] = ()
    if logit_adjust is not None:
        trade_offs = trade_off(predictions, train_images)
        write_json(folder / "logit_adjustment.json", [asdict(row) for row in trade_offs])
        predictions = adjusted(predictions, train_images, logit_adjust)
    evaluation = evaluate(
        predictions,
        train_images,
        split=split,
        tta=predictor.tta,
        seen=overlap,
        notes=(*notes, *notes_on_overlap(overlap, split)),
    )
    evaluation = replace(evaluation, warnings=run.read_warnings())
    advice = calibration_advice(evaluation, run, data) if logit_adjust is None else ()
    write_metrics(evaluation, run.metrics)
    write_tables(evaluation, predictions, folder)
    write_report(
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
        calibrating=("shelfmind", "calibrate", str(run.root), str(data)) if advice else (),
    )
    return replace(evaluation, notes=(*evaluation.notes, *advice))


def calibration_advice(evaluation: Evaluation, run: RunFolder, data: Path) -> tuple[str, ...]:
    """What to do about a confidence that cannot be believed; nothing where it can, or where it says nothing new."""
    if not evaluation.poorly_calibrated or "train" in split_names(evaluation.split or ""):
        return ()
    how = call("calibrate", run=run.root, data=data)
    apart = f"confidence and accuracy lie {evaluation.ece:.1%} apart on average, more than chance explains"
    return (Message(f"{apart}; calibrate with: {how}"),)


def _overlays_of_errors(predictor: Predictor, evaluation: Evaluation) -> dict[str, str]:
    """What spoke for the wrong classes of the worst errors; nothing for a network without feature maps."""
    names = {name: label for label, name in enumerate(predictor.class_names)}
    squares, paths, classes = [], [], []
    for error in evaluation.worst_errors:
        try:
            squares.append(square(Path(error.path), predictor.recipe.data))
        except BadImage:  # gone since it was predicted
            continue
        paths.append(error.path)
        classes.append(names[error.predicted])
    try:
        pictures = overlays(predictor, squares, np.array(classes, np.int64))
    except UserError:
        return {}
    return {path: data_address(picture) for path, picture in zip(paths, pictures, strict=True)}


def write_tables(evaluation: Evaluation, predictions: Predictions, folder: Path) -> None:
    """Write the figures, the tables and the predictions of one evaluation into `folder`."""
    write_metrics(evaluation, folder / "metrics.json")
    write_per_class_csv(evaluation, folder / "per_class.csv")
    write_confusions_csv(evaluation, folder / "confusions.csv")
    write_errors_csv(evaluation, folder / "errors.csv")
    write_whole(folder / "predictions.npz", predictions.save)


def overlap_with(known: KnownData, split: str, predictions: Predictions, counter: Counter) -> Overlap | None:
    """How much of the images predicted the runs have seen; None if that cannot be told."""
    if known.untold:
        return None
    predicted = set(predictions.paths)
    samples = [sample for sample in part(known.catalog, split) if str(sample.path) in predicted]
    return overlap_of(samples, known.histories, counter)


def notes_on(known: KnownData, split: str) -> tuple[str, ...]:
    """What people should know of the images that are judged and of those that are not."""
    asked = split_names(split)
    notes = [f"warning: {marked(reason)}" for reason in known.untold]
    new = len(known.catalog.split(NEW))
    if new and NEW not in asked:
        together = f", or together with test by {argument('split', f'test,{NEW}')}" if "test" in asked else ""
        by = f"{argument('split', NEW)}{together}"
        notes.append(f"{_images(new)} new to the run: not judged; judge what is new by {by}")
    copies = known.copies_left_out
    if copies and "test" in asked:
        notes.append(f"{_images(copies)} byte for byte the same in test and in train or val: not judged")
    lost = lost_to_others(known, split)
    if lost:
        notes.append(f"{_images(lost)} {split} for one run, but trained or validated on by another: not judged")
    return tuple(map(Message, notes))


def notes_on_overlap(overlap: Overlap | None, split: str) -> tuple[str, ...]:
    """Warnings of test images that were seen in training, and of copies of training photos."""
    if overlap is None:
        return ()
    notes = []
    if not set(split_names(split)) - set(UNSEEN) and overlap.trained + overlap.validated:
        seen = f"{overlap.trained} trained on, {overlap.validated} validated on"
        notes.append(f"warning: images of this test were seen in training ({seen}), so the figures flatter")
    if overlap.near_copies and overlap.example is not None:
        one, other = overlap.example
        copies = f"{_images(overlap.near_copies)} nearly the same as a training photo, so the figures flatter"
        notes.append(f"warning: {copies}; for example {one}, a copy of {other}")
    return tuple(notes)


def references_of(catalog: Catalog, each: int = 2) -> dict[int, list[Path]]:
    """A few training images of each class, for people to compare with."""
    references: dict[int, list[Path]] = defaultdict(list)
    for sample in (*catalog.split("train"), *catalog.samples):
        if len(references[sample.label]) < each:
            references[sample.label].append(sample.path)
    return dict(references)


def evaluation_folder(root: Path, split: str) -> Path:
    """Where the tables of a split's evaluation lie, made if need be; `UserError` if it cannot be made."""
    folder = root / "evaluation" / split
    make_folder(folder)
    return folder


def _images(count: int) -> str:
    return counted(count, "image is", "images are")
