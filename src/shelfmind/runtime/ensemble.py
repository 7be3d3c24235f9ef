"""Several runs evaluated as one: their predictions averaged with weights found on validation images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from shelfmind.errors import UserError
from shelfmind.evaluation import Evaluation, evaluate
from shelfmind.evaluation.ensemble import Contribution, contributions, fit_weights, mixed
from shelfmind.evaluation.report import write_report
from shelfmind.files import write_json
from shelfmind.progress import Counter, count_silently
from shelfmind.records import Predictions, require_same_classes
from shelfmind.runtime.assess import (
    MAX_BAD_FRACTION,
    catalog_of,
    chosen_split,
    evaluation_folder,
    predict_split,
    references_of,
    write_tables,
)
from shelfmind.runtime.predict import Predictor
from shelfmind.runtime.run_folder import RunFolder


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
    counter: Counter = count_silently,
) -> EnsembleEvaluation:
    """Evaluate the weighted mean of several runs on one split and write figures, tables and a report into `out`.

    Weights are those that make the labels of the validation split most likely. Where that split is the one evaluated,
    or there is none, all weigh the same: weights fitted to the images that judge them would flatter.

    Raises:
        UserError: runs of different classes, a missing split, too many bad files.
    """
    if len(set(map(str, runs))) < 2:
        raise UserError("an ensemble needs at least two different runs")
    predictors = [Predictor(RunFolder(Path(run)), tta) for run in runs]
    for predictor in predictors[1:]:
        require_same_classes(predictors[0].class_names, predictor.class_names, str(predictor.run.root))
    catalog = catalog_of(predictors[0], Path(data), format)
    split = chosen_split(catalog, split)
    folder = evaluation_folder(Path(out), split)

    def predicted(of: str) -> list[Predictions]:
        return [predict_split(each, catalog, of, max_bad_fraction, folder, counter) for each in predictors]

    members = predicted(split)
    judge_of_weights = "val" if split != "val" and catalog.split("val") else "equal"
    weights = fit_weights(predicted("val")) if judge_of_weights == "val" else np.full(len(runs), 1 / len(runs))
    together = mixed(members, weights)
    train_images = np.array(predictors[0].train_images, np.int64)
    tta_names = tuple(predictors[0].tta) if tta is None else tuple(tta)
    evaluation = evaluate(together, train_images, split=split, tta=tta_names)
    names = [str(run) for run in runs]
    outcome = EnsembleEvaluation(evaluation, contributions(names, members, weights), judge_of_weights)
    write_tables(evaluation, together, folder)
    content = {"weighted_on": judge_of_weights, "members": [asdict(member) for member in outcome.members]}
    write_json(folder / "ensemble.json", content)
    write_report(
        Path(out) / "report.html",
        title=f"{len(runs)} runs together: {split}",
        recipe_text="\n".join(
            f"# {name}\n{predictor.recipe.dump()}" for name, predictor in zip(names, predictors, strict=True)
        ),
        history=(),
        evaluation=evaluation,
        predictions=together,
        catalog_notes=catalog.notes,
        train_counts=train_images,
        provenance=content,
        references=references_of(catalog),
    )
    return outcome
