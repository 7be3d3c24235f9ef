"""Several runs evaluated as one: their predictions averaged with weights found on validation images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from shelfmind.errors import UserError, argument
from shelfmind.evaluation import Evaluation, evaluate
from shelfmind.evaluation.ensemble import Contribution, contributions, fit_weights, mixed
from shelfmind.files import write_json
from shelfmind.inference.predictor import Predictor
from shelfmind.nouns import counted
from shelfmind.pages import words
from shelfmind.pages.report import write_report
from shelfmind.pages.words import say
from shelfmind.progress import Counter, Note, count_silently, say_nothing, tell
from shelfmind.records import Catalog, Predictions, require_same_classes
from shelfmind.runs.folder import RunFolder
from shelfmind.runs.known_data import (
    KnownData,
    chosen_split,
    grouped_by_content,
    lost_to_others,
    open_known,
    part,
    split_names,
)
from shelfmind.runs.overlaps import refuse_seen
from shelfmind.workflows.evaluate import (
    MAX_BAD_FRACTION,
    UNSEEN,
    evaluation_folder,
    notes_on,
    notes_on_overlap,
    overlap_with,
    predict_split,
    references_of,
    write_tables,
)

FEWEST = 10
"""Images without which nothing is judged or fitted: even if all ten were right, an accuracy of 70% would be as
compatible with it (95% interval)."""


@dataclass(frozen=True)
class EnsembleEvaluation:
    """The figures of an ensemble, what each member adds, and what its weights were found on ("equal" if on nothing)."""

    evaluation: Evaluation
    members: tuple[Contribution, ...]
    weighted_on: str


def evaluate_ensemble(
    runs: Sequence[Path | str],
    data: Path | str,
    *,
    out: Path | str,
    split: str | None = None,
    tta: Sequence[str] | None = None,
    format: str | None = None,
    max_bad_fraction: float = MAX_BAD_FRACTION,
    allow_seen: bool = False,
    counter: Counter = count_silently,
    note: Note = say_nothing,
) -> EnsembleEvaluation:
    """Evaluate the weighted mean of several runs on one split and write figures, tables and a report into `out`.

    A photo that one of the runs was trained or validated on is no test of all, whatever it was to the others. Weights
    are those that make the labels of validation images most likely that no run was trained on. Where these are the
    images evaluated, or too few, all weigh the same: weights fitted to the images that judge them would flatter.

    Raises:
        UserError: runs of different classes, a missing split, too many bad files, or, unless `allow_seen`, too few
            images that no run has seen.
    """
    if len(set(map(str, runs))) < 2:
        raise UserError("an ensemble needs at least two different runs")
    predictors = [Predictor(RunFolder(Path(run)), tta) for run in runs]
    for predictor in predictors[1:]:
        require_same_classes(predictors[0].class_names, predictor.class_names, str(predictor.run.root))
    known = open_known(
        [each.run for each in predictors], Path(data), format, counter, allow_seen=allow_seen, some_classes=True
    )
    together = known.catalog
    if allow_seen and not known.untold:
        known = replace(known, catalog=grouped_by_content(known.ungrouped, known.digests, known.histories[:1]))
    catalog = known.catalog
    if not allow_seen:
        _refuse_too_few(known, split)
    tell(catalog.notes, note)
    split = chosen_split(catalog, split)
    folder = evaluation_folder(Path(out), split)
    if not allow_seen:
        judged = [sample for sample in part(catalog, split) if sample.split in UNSEEN]
        refuse_seen(judged, known.histories, "so they are no test of them together", folder / "seen.csv")

    def predicted(where: Catalog, of: str) -> list[Predictions]:
        return [predict_split(each, where, of, max_bad_fraction, folder, counter, note) for each in predictors]

    members = predicted(catalog, split)
    weights, judge_of_weights = np.full(len(runs), 1 / len(runs)), "equal"
    validation = () if known.untold or "val" in split_names(split) else together.split("val")
    if len(validation) >= FEWEST:
        weights, judge_of_weights = fit_weights(predicted(together, "val")), "val"
    mean = mixed(members, weights)
    train_images = np.array(predictors[0].train_images, np.int64)
    tta_names = tuple(predictors[0].tta) if tta is None else tuple(tta)
    overlap = overlap_with(known, split, mean, counter)
    notes = (*notes_on(known, split), *notes_on_overlap(overlap, split))
    if judge_of_weights == "equal":
        notes += (
            f"all runs weigh the same: {counted(len(validation), 'image')} to find weights on, {FEWEST} are needed",
        )
    evaluation = evaluate(mean, train_images, split=split, tta=tta_names, seen=overlap, notes=notes)
    names = [str(run) for run in runs]
    outcome = EnsembleEvaluation(evaluation, contributions(names, members, weights), judge_of_weights)
    write_tables(evaluation, mean, folder)
    content = {
        "weighted_on": judge_of_weights,
        "images": evaluation.images,
        "too_few_images": evaluation.too_few_images,
        "members": [asdict(member) for member in outcome.members],
    }
    write_json(folder / "ensemble.json", content)
    write_report(
        Path(out) / "report.html",
        name=say("{} together", words.counted(len(runs), "run")),
        data=Path(data).resolve().name,
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
    return outcome


def _refuse_too_few(known: KnownData, split: str | None) -> None:
    """Refuse what runs of different splits have left as a test: fewer than one image a class, or than `FEWEST`."""
    catalog = known.catalog
    asked = split or next((each for each in UNSEEN if catalog.split(each) or lost_to_others(known, each)), "val")
    left, lost = len(part(catalog, asked)), lost_to_others(known, asked)
    least = max(FEWEST, len(catalog.class_names))
    if lost and left < least:
        raise UserError(
            f"{counted(left, 'image')} of {asked} unseen by all of these runs, at least {least} are needed; {lost} "
            "more were trained or validated on by one of them. Let the runs share a split: train with "
            f"{argument('split_of', str(known.histories[0].run.root))}; or go on with all of the first run's with "
            f"{argument('allow_seen')}"
        )
