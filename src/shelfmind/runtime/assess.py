"""Evaluates a run on a labelled data set and writes figures, tables and the report."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from shelfmind.data import absolute, open_catalog
from shelfmind.data.broader import read_broader, with_broader_classes
from shelfmind.data.checking import refuse_too_many_bad
from shelfmind.data.images import BadImage
from shelfmind.data.splits import with_split
from shelfmind.errors import UserError
from shelfmind.evaluation import Evaluation, evaluate, write_confusions_csv, write_metrics, write_per_class_csv
from shelfmind.evaluation.calibration import TemperatureScaling, scale_temperature
from shelfmind.evaluation.logit_adjustment import TradeOff, adjusted, trade_off
from shelfmind.evaluation.report import write_report
from shelfmind.evaluation.thumbnails import data_address
from shelfmind.files import write_json, write_whole
from shelfmind.progress import Counter, count_silently
from shelfmind.records import Catalog, Predictions, require_same_classes
from shelfmind.runtime.calibrate import write_temperature
from shelfmind.runtime.kept_predictions import predictions_of
from shelfmind.runtime.pixels import open_squares, square
from shelfmind.runtime.predict import Predictor
from shelfmind.runtime.run_folder import RunFolder, read_json
from shelfmind.runtime.saliency import overlays

MAX_BAD_FRACTION = 0.01


def evaluate_run(
    run: Path | str,
    data: Path | str,
    *,
    split: str | None = None,
    tta: Sequence[str] | None = None,
    logit_adjust: float | None = None,
    format: str | None = None,
    max_bad_fraction: float = MAX_BAD_FRACTION,
    counter: Counter = count_silently,
) -> Evaluation:
    """Evaluate a run on one split of a data set (test if there is one, else val) and write everything beside the run.

    With `logit_adjust` probabilities are adjusted by this strength first (see `evaluation.logit_adjustment`), and
    `logit_adjustment.json` says what other strengths would give.

    Raises:
        UserError: the classes differ from the run's, the split is missing or empty, or too many files are bad.
    """
    predictor = Predictor(RunFolder(Path(run)), tta)
    catalog = catalog_of(predictor, Path(data), format)
    split = chosen_split(catalog, split)
    folder = evaluation_folder(predictor.run.root, split)
    predictions = predict_split(predictor, catalog, split, max_bad_fraction, folder, counter)
    return write_evaluation(predictor, catalog, split, predictions, logit_adjust=logit_adjust)


def calibrate_run(
    run: Path | str,
    data: Path | str,
    *,
    split: str = "val",
    tta: Sequence[str] | None = None,
    format: str | None = None,
    max_bad_fraction: float = MAX_BAD_FRACTION,
    counter: Counter = count_silently,
) -> TemperatureScaling:
    """Fit the temperature of a run's probabilities to one split, never to test, and keep it beside the weights.

    Raises:
        UserError: the split is test, missing or empty, the classes differ from the run's, or too many files are bad.
    """
    if split == "test":
        raise UserError("a temperature fitted to the test split makes its figures worthless; use --split val")
    predictor = Predictor(RunFolder(Path(run)), tta, calibrated=False)
    catalog = catalog_of(predictor, Path(data), format)
    folder = evaluation_folder(predictor.run.root, chosen_split(catalog, split))
    scaling = scale_temperature(predict_split(predictor, catalog, split, max_bad_fraction, folder, counter))
    write_temperature(predictor.run, scaling, predictor.checksum, predictor.tta, split)
    return scaling


def chosen_split(catalog: Catalog, split: str | None) -> str:
    """The split asked for, or test if there is one, else val; refused if it has no images."""
    split = split or ("test" if catalog.split("test") else "val")
    if not catalog.split(split):
        present = sorted({sample.split for sample in catalog.samples})
        raise UserError(f"{catalog.root} has no images in the split '{split}'; it has: {', '.join(present)}")
    return split


def predict_split(
    predictor: Predictor, catalog: Catalog, split: str, max_bad_fraction: float, folder: Path, counter: Counter
) -> Predictions:
    """Predictions of one split, kept ones where there are; bad files are listed in `folder`."""
    samples = catalog.split(split)
    squares, good, bad_files = open_squares(samples, predictor.recipe.data, counter("checking images", len(samples)))
    refuse_too_many_bad(bad_files, len(samples), max_bad_fraction, folder / "bad_files.csv")
    return predictions_of(predictor, squares, good, bad_files, counter)


def write_evaluation(
    predictor: Predictor,
    catalog: Catalog,
    split: str,
    predictions: Predictions,
    *,
    logit_adjust: float | None = None,
) -> Evaluation:
    """Measure and write `metrics.json`, `report.html` and the tables of `evaluation/<split>/`."""
    run = predictor.run
    train_images = np.array(predictor.train_images, np.int64)
    folder = evaluation_folder(run.root, split)
    trade_offs: Sequence[TradeOff] = ()
    if logit_adjust is not None:
        trade_offs = trade_off(predictions, train_images)
        write_json(folder / "logit_adjustment.json", [asdict(row) for row in trade_offs])
        predictions = adjusted(predictions, train_images, logit_adjust)
    evaluation = evaluate(predictions, train_images, split=split, tta=predictor.tta)
    write_metrics(evaluation, run.metrics)
    write_tables(evaluation, predictions, folder)
    write_report(
        run.report,
        title=f"{run.root.resolve().name}: {split}",
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
    )
    return evaluation


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
    write_whole(folder / "predictions.npz", predictions.save)


def catalog_of(predictor: Predictor, data: Path, format: str | None) -> Catalog:
    """The catalog at `data`; on the run's own data set with the very split that the run was trained with."""
    run = predictor.run
    provenance = read_json(run.provenance) if run.provenance.exists() else {}
    seed = int(provenance.get("seed", 0))
    catalog = open_as_trained(run, data, format, seed)
    if run.split.exists() and str(absolute(data)) == provenance.get("data", {}).get("path"):
        catalog = with_split(catalog, run.split)
    return catalog


def open_as_trained(run: RunFolder, data: Path, format: str | None, seed: int) -> Catalog:
    """The catalog at `data` with the classes that the run learnt, which for some are broader than the data's."""
    catalog = open_catalog(data, format, seed)
    if run.broader.exists():
        catalog = with_broader_classes(catalog, read_broader(run.broader), run.broader)
    require_same_classes(run.read_classes()[0], catalog.class_names, str(data))
    return catalog


def references_of(catalog: Catalog, each: int = 2) -> dict[int, list[Path]]:
    """A few training images of each class, for people to compare with."""
    references: dict[int, list[Path]] = defaultdict(list)
    for sample in (*catalog.split("train"), *catalog.samples):
        if len(references[sample.label]) < each:
            references[sample.label].append(sample.path)
    return dict(references)


def evaluation_folder(root: Path, split: str) -> Path:
    """Where the tables of a split's evaluation lie, made if need be."""
    folder = root / "evaluation" / split
    folder.mkdir(parents=True, exist_ok=True)
    return folder
