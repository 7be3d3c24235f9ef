"""Ensembles: evaluates the average of several runs, with weights fitted on validation images."""

from __future__ import annotations

from dataclasses import asdict, replace

import numpy as np

from shelfmind.errors import UserError
from shelfmind.evaluation import Evaluation, evaluate
from shelfmind.evaluation.ensemble import ENSEMBLING, average_predictions, contributions
from shelfmind.evaluation.intervals import MIN_IMAGES, too_few_images
from shelfmind.files import write_json
from shelfmind.inference.adaptation import require_unadapted
from shelfmind.inference.predictor import RunPredictor
from shelfmind.nouns import counted
from shelfmind.pages import words
from shelfmind.pages.evaluation_report import write_evaluation_report
from shelfmind.pages.words import say
from shelfmind.progress import tell
from shelfmind.records import Catalog, Predictions, require_same_classes
from shelfmind.requests.measuring import EvaluateRequest
from shelfmind.requests.watching import SILENT, Observer
from shelfmind.runs.folder import RunFolder
from shelfmind.runs.known_data import KnownData, chosen_split, open_known, samples_of, split_names
from shelfmind.runs.overlaps import refuse_seen
from shelfmind.runs.rules import engine_under
from shelfmind.workflows.difficulties import slices_of, training_references
from shelfmind.workflows.evaluate import (
    evaluation_folder,
    predict_split,
    references_of,
    write_tables,
)
from shelfmind.workflows.evaluated_images import UNSEEN, notes_on, notes_on_overlap, overlap_with, refuse_too_few


def evaluate_ensemble(request: EvaluateRequest, watcher: Observer = SILENT) -> Evaluation:
    """Evaluate the weighted average of several runs on one split and write metrics, tables and a report to a folder.

    A photo that any of the runs was trained or validated on is no test image of the ensemble. Weights maximise the
    likelihood of validation labels, on images that no run was trained on. If these are the evaluated images, or too
    few, all runs have equal weights: weights fitted to the evaluated images would be optimistic.

    Raises:
        UserError: runs with different classes, a missing split, too many bad files, or, unless `allow_seen`, too few
            images that no run has seen.
    """
    runs, out, allow_seen = request.runs, request.results, request.allow_seen
    if len(set(runs)) < len(runs):
        raise UserError("an ensemble needs at least two different runs, each given once")
    counter = watcher.counter
    engine = engine_under(request.rules, request.engine)
    require_unadapted(request.rules, request.runs)
    predictors = [RunPredictor(RunFolder(run), request.tta, engine=engine, batch=request.batch) for run in runs]
    for predictor in predictors[1:]:
        require_same_classes(predictors[0].class_names, predictor.class_names, str(predictor.run.root))
    known = open_known(
        [each.run for each in predictors],
        request.data,
        request.format,
        counter,
        allow_seen=allow_seen,
        some_classes=True,
    )
    together = known.catalog
    if allow_seen:
        known = known.for_first_run()
    else:
        refuse_too_few(known, request.split)
    catalog = known.catalog
    tell(catalog.notes, watcher.note)
    split = chosen_split(catalog, request.split)
    folder = evaluation_folder(out, split)
    if not allow_seen:
        evaluated = [sample for sample in samples_of(catalog, split) if sample.split in UNSEEN]
        refuse_seen(evaluated, known.histories, "so they cannot test the ensemble", folder / "seen.csv")

    def predicted(where: Catalog, of: str) -> list[Predictions]:
        most, note = request.max_bad_fraction, watcher.note
        return [predict_split(each, where, of, most, folder, counter, note) for each in predictors]

    members, rule = predicted(catalog, split), ENSEMBLING[request.ensembling]
    weights, weighted_on = np.full(len(runs), 1 / len(runs)), "equal"
    validation = () if known.without_history or "val" in split_names(split) else together.split("val")
    if rule.weigh is not None and not too_few_images(len(validation)):
        weights, weighted_on = rule.weigh(predicted(together, "val")), "val"
    mean = average_predictions(members, weights, rule.pool)
    train_images = np.array(predictors[0].train_images, np.int64)
    tta_names = predictors[0].tta if request.tta is None else request.tta
    overlap = overlap_with(known, split, mean, counter)
    notes = (*notes_on(known, split), *notes_on_overlap(overlap, split))
    if rule.weigh is not None and weighted_on == "equal":
        notes += (f"all runs have equal weights: {_reason_for_equal_weights(known, split, len(validation))}",)
    evaluation = evaluate(mean, train_images, split=split, tta=tta_names, seen=overlap, notes=notes)
    names = [str(run) for run in runs]
    found = contributions(names, members, weights, pool=rule.pool)
    engines = ", ".join(dict.fromkeys(each.engine.name for each in predictors))
    compared = training_references(predictors, weights, catalog, len(mean), counter)
    slices = slices_of(predictors[0].recipe.data, catalog, mean, compared, train_images, counter)
    evaluation = replace(evaluation, members=found, weighted_on=weighted_on, engine=engines, slices=slices)
    write_tables(evaluation, mean, folder)
    content = {
        "ensembling": request.ensembling,
        "weighted_on": weighted_on,
        "images": evaluation.images,
        "too_few_images": evaluation.too_few_images,
        "members": [asdict(member) for member in evaluation.members],
    }
    write_json(folder / "ensemble.json", content)
    write_evaluation_report(
        out / "report.html",
        name=say("Ensemble of {}", words.counted(len(runs), "run")),
        data=request.data.resolve().name,
        recipe_text="\n".join(
            f"# {name}\n{predictor.recipe.dump()}" for name, predictor in zip(names, predictors, strict=True)
        ),
        history=(),
        evaluation=evaluation,
        predictions=mean,
        catalog_notes=catalog.notes,
        train_counts=train_images,
        provenance=content,
        references=references_of(catalog),
        errors_file=f"evaluation/{split}/errors.csv",
    )
    return evaluation


def _reason_for_equal_weights(known: KnownData, split: str, images: int) -> str:
    """Why no weights were fitted."""
    if known.without_history:
        return "it is unknown which validation images no run was trained on"
    if "val" in split_names(split):
        return "weights fitted to the evaluated images would be optimistic"
    there = f"{counted(images, 'validation image')} that no run was trained on"
    return f"only {there}, {MIN_IMAGES} are needed to fit weights"
