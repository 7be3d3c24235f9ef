"""Evaluates a run on a labelled data set and writes figures, tables and the report."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from shelfmind.data import absolute, open_catalog
from shelfmind.data.checking import refuse_too_many_bad
from shelfmind.data.splits import with_split
from shelfmind.errors import UserError
from shelfmind.evaluation import Evaluation, evaluate, write_confusions_csv, write_metrics, write_per_class_csv
from shelfmind.evaluation.report import write_report
from shelfmind.progress import Counter, count_silently
from shelfmind.records import BadFile, Catalog, Sample, require_same_classes
from shelfmind.runtime.pixels import Squares, open_squares
from shelfmind.runtime.predict import Predictor
from shelfmind.runtime.run_folder import RunFolder, read_json

MAX_BAD_FRACTION = 0.01


def evaluate_run(
    run: Path | str,
    data: Path | str,
    *,
    split: str | None = None,
    tta: Sequence[str] | None = None,
    format: str | None = None,
    max_bad_fraction: float = MAX_BAD_FRACTION,
    counter: Counter = count_silently,
) -> Evaluation:
    """Evaluate a run on one split of a data set (test if there is one, else val) and write everything beside the run.

    Raises:
        UserError: the classes differ from the run's, the split is missing or empty, or too many files are bad.
    """
    predictor = Predictor(RunFolder(Path(run)), tta)
    catalog = _catalog_of(predictor, Path(data), format)
    split = split or ("test" if catalog.split("test") else "val")
    samples = catalog.split(split)
    if not samples:
        present = sorted({sample.split for sample in catalog.samples})
        raise UserError(f"{data} has no images in the split '{split}'; it has: {', '.join(present)}")
    began = time.perf_counter()
    squares, good, bad_files = open_squares(samples, predictor.recipe.data, counter("checking images", len(samples)))
    folder = _evaluation_folder(predictor.run, split)
    refuse_too_many_bad(bad_files, len(samples), max_bad_fraction, folder / "bad_files.csv")
    return assess(predictor, catalog, split, squares, good, bad_files=bad_files, began=began, counter=counter)


def assess(
    predictor: Predictor,
    catalog: Catalog,
    split: str,
    squares: Squares,
    samples: Sequence[Sample],
    *,
    bad_files: Sequence[BadFile] = (),
    began: float,
    counter: Counter = count_silently,
) -> Evaluation:
    """Predict, evaluate and write `metrics.json`, `report.html` and the tables of `evaluation/<split>/`."""
    run = predictor.run
    predictions = predictor.predict_squares(squares, samples, bad_files, counter("predicting", len(samples)))
    train_images = np.array(predictor.train_images, np.int64)
    seconds = time.perf_counter() - began
    evaluation = evaluate(predictions, train_images, seconds=seconds, split=split, tta=predictor.tta)
    folder = _evaluation_folder(run, split)
    write_metrics(evaluation, folder / "metrics.json")
    write_metrics(evaluation, run.metrics)
    write_per_class_csv(evaluation, folder / "per_class.csv")
    write_confusions_csv(evaluation, folder / "confusions.csv")
    predictions.save(folder / "predictions.npz")
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
        references=_references(catalog),
    )
    return evaluation


def _catalog_of(predictor: Predictor, data: Path, format: str | None) -> Catalog:
    """The catalog at `data`; on the run's own data set with the very split that the run was trained with."""
    run = predictor.run
    provenance = read_json(run.provenance) if run.provenance.exists() else {}
    seed = int(provenance.get("seed", 0))
    catalog = open_catalog(data, format, seed)
    require_same_classes(predictor.class_names, catalog.class_names, str(data))
    if run.split.exists() and str(absolute(data)) == provenance.get("data", {}).get("path"):
        catalog = with_split(catalog, run.split)
    return catalog


def _references(catalog: Catalog, each: int = 2) -> dict[int, list[Path]]:
    """A few training images of each class, for people to compare with."""
    references: dict[int, list[Path]] = defaultdict(list)
    for sample in (*catalog.split("train"), *catalog.samples):
        if len(references[sample.label]) < each:
            references[sample.label].append(sample.path)
    return dict(references)


def _evaluation_folder(run: RunFolder, split: str) -> Path:
    folder = run.root / "evaluation" / split
    folder.mkdir(parents=True, exist_ok=True)
    return folder
