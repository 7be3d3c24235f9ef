"""FixRes: fine-tunes the classifier and the last batch norm for larger test resolutions, and keeps the best."""

from __future__ import annotations

import secrets
import shutil
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from shelfmind import leftovers
from shelfmind.data import absolute
from shelfmind.data.digest import data_digest
from shelfmind.errors import UserError, argument
from shelfmind.evaluation.bootstrap import hits, paired_interval
from shelfmind.evaluation.intervals import Interval, caveat_of_gain, too_few_images
from shelfmind.files import make_folder, refuse_working_directory, write_json
from shelfmind.inference.predictor import RunPredictor
from shelfmind.recipe import Recipe
from shelfmind.records import Catalog, Predictions
from shelfmind.requests.calling import takes
from shelfmind.requests.improving import PLAN_FILE, FixresRequest
from shelfmind.requests.shared import RUN_FILE
from shelfmind.requests.training import TrainRequest
from shelfmind.runs.folder import RunFolder, require_new_folder
from shelfmind.runs.known_data import open_known
from shelfmind.runs.plans import keep_plan
from shelfmind.training.run import fine_tune, read_origin, resume
from shelfmind.training.watching import Watcher
from shelfmind.workflows.evaluate import evaluation_folder, predict_split
from shelfmind.workflows.evaluated_images import notes_on_overlap, overlap_with

EPOCHS = 5
RATE_SHARE = 0.1
"""Fraction of the run's learning rate: few weights are trained, and they start near the optimum."""


@dataclass(frozen=True)
class Resolution:
    """Validation top-1 at one image size: of the original run, fine-tuned, and the gain over the run at its original
    size with a paired 95% interval over images."""

    image_size: int
    as_is: float
    tuned: float
    gain: float
    gain_ci95: Interval


@dataclass(frozen=True)
class FixResOutcome:
    """The run's original size and top-1 on `images` validation images, all sizes tried, and the selected one (None:
    none is better). `doubt` explains why the gain may be due to chance, None if it is significant."""

    image_size: int
    top1: float
    resolutions: tuple[Resolution, ...]
    kept: int | None
    images: int
    too_few_images: bool
    doubt: str | None = None


@takes(FixresRequest)
def fixres(request: FixresRequest, watcher: Watcher | None = None) -> FixResOutcome:
    """Fine-tune a run at each of these image sizes (Touvron et al., NeurIPS 2019) and write the best as a new run.

    The run's original training images, without later additions, are prepared like test images; the classifier and the
    last batch norm are trained, all else is frozen. The new run is written only if a size improves validation top-1;
    the outcome reports whether the gain is significant. Completed sizes are not repeated after an interruption:
    candidates are kept in ``<out>.candidates`` until the end. Other sizes may then be requested, but with the same run,
    data and length.

    Returns:
        The result at each size, and which one is selected, if any.

    Raises:
        UserError: a size below the last training size, no validation images, an existing folder, candidates of another
            run or other settings.
    """
    watcher = watcher or Watcher()
    refuse_working_directory(request.out)
    source, out, candidates = RunFolder(request.run), request.out, request.candidates
    recipe = source.read_recipe()
    require_new_folder(out)
    least = recipe.stages[-1].image_size
    sizes = sorted(set(request.resolutions))
    if not sizes or sizes[0] < least:
        given = ", ".join(map(str, sizes)) or "none"
        raise UserError(f"{argument('resolutions')} must be at least the training size of {least} px, got {given}")
    origin = read_origin(source)
    origin.require_data(source)
    predictor = RunPredictor(source, calibrated=False)
    known = open_known([source], origin.data, origin.format, watcher.counter)
    catalog = known.catalog
    if not catalog.split("val"):
        raise UserError(f"{catalog.root} has no validation images to compare resolutions on")
    leftovers.remove_abandoned(leftovers.temporaries(candidates))
    make_folder(candidates)
    keep_plan(candidates / PLAN_FILE, _plan(request, predictor, origin.data, catalog))
    own = _validated(predictor, catalog, watcher)
    for note in notes_on_overlap(overlap_with(known, "val", own, watcher.counter), "val"):
        watcher.warn(note.removeprefix("warning: "))
    found = []
    for size in sizes:
        watcher.note(f"{size} px: fine-tuning the classifier and the last batch norm")
        tuned_run = tune_at(size, source, candidates / str(size), watcher, request.epochs, request.max_minutes)
        as_is = RunPredictor(source, calibrated=False, recipe=at_size(recipe, size))
        tuned = _validated(RunPredictor(tuned_run, calibrated=False), catalog, watcher)
        found.append(_compared(size, own, _validated(as_is, catalog, watcher), tuned))
    best = max(found, key=lambda each: each.tuned)
    outcome = FixResOutcome(
        recipe.evaluation_size,
        _top1(own),
        tuple(found),
        kept=best.image_size if best.gain > 0 else None,
        images=len(own),
        too_few_images=too_few_images(len(own)),
        doubt=caveat_of_gain(best.gain_ci95, len(own)) if best.gain > 0 else None,
    )
    if outcome.kept is not None:
        chosen = candidates / str(outcome.kept)
        write_json(chosen / "fixres.json", asdict(outcome))
        chosen.rename(out)
    _remove(candidates)
    return outcome


def at_size(recipe: Recipe, size: int) -> Recipe:
    """The recipe with test images of this size, and squares scaled by the same factor."""
    share = max(1.0, recipe.data.resize_to / recipe.evaluation_size)
    data = {"image_size": size, "evaluation_size": size, "resize_to": round(size * share)}
    return recipe.model_copy(update={"data": recipe.data.model_copy(update=data)})


def tuning_recipe(recipe: Recipe, size: int, epochs: int) -> Recipe:
    """The recipe for fine-tuning a run at `size`: test-like images, at most mirrored, and a tenth of the
    learning rate."""
    flips = tuple(entry for entry in recipe.augment if entry[0] == "horizontal_flip")
    schedule = {
        "epochs": epochs,
        "lr": recipe.train.lr * RATE_SHARE,
        "warmup": 0.0,
        "stages": (),
        "trainable": "classifier_and_last_norm",
    }
    update = {
        "augment": flips,
        "mixing": type(recipe.mixing)(),
        "distillation": type(recipe.distillation)(),
        "train": recipe.train.model_copy(update=schedule),
    }
    return at_size(recipe, size).model_copy(update=update)


def tune_at(
    size: int,
    source: RunFolder,
    folder: Path,
    watcher: Watcher,
    epochs: int | None = None,
    max_minutes: float | None = None,
) -> RunFolder:
    """Fine-tune a run at one image size into `folder`, or resume; 5 epochs unless specified."""
    if (folder / RUN_FILE).exists():
        resume(folder, watcher)
        return RunFolder(folder)
    origin = read_origin(source)
    tuning = TrainRequest(
        data=origin.data,
        recipe=tuning_recipe(source.read_recipe(), size, epochs or EPOCHS),
        out=folder,
        seed=origin.seed,
        max_minutes=max_minutes,
        max_bad_fraction=origin.max_bad_fraction,
        format=origin.format,
        weights=str(source.root),
        split_of=source.root,
    )
    fine_tune(tuning, watcher)
    return RunFolder(folder)


def _plan(request: FixresRequest, predictor: RunPredictor, data: Path, catalog: Catalog) -> dict[str, Any]:
    """What the candidates depend on, except their size. Photos that are new to the run are not trained on."""
    known = replace(catalog, samples=catalog.split("train", "val"))
    return {
        "run": str(absolute(request.run)),
        "weights": predictor.checksum,
        "epochs": request.epochs or EPOCHS,
        "max_minutes": request.max_minutes,
        "data": str(data),
        "digest": data_digest(known),
    }


def _remove(candidates: Path) -> None:
    """Remove the folder of candidates; it disappears at once, so that a killed process leaves no incomplete ones."""
    removed = leftovers.temporary(candidates, f"-{secrets.token_hex(4)}")
    candidates.rename(removed)
    shutil.rmtree(removed)


def _validated(predictor: RunPredictor, catalog: Catalog, watcher: Watcher) -> Predictions:
    return predict_split(predictor, catalog, "val", 1.0, evaluation_folder(predictor.run.root, "val"), watcher.counter)


def _compared(size: int, own: Predictions, as_is: Predictions, tuned: Predictions) -> Resolution:
    differences = hits(tuned) - hits(own)
    return Resolution(size, _top1(as_is), _top1(tuned), float(differences.mean()), paired_interval(differences))


def _top1(predictions: Predictions) -> float:
    return float(hits(predictions).mean())
