"""`train` and `resume`: from data and a recipe to a run folder."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from shelfmind.data import open_catalog
from shelfmind.data.broader import read_broader, with_broader_classes, write_broader
from shelfmind.data.splits import with_split
from shelfmind.errors import UserError, argument
from shelfmind.evaluation import Evaluation
from shelfmind.files import cache_folder, write_json, write_text
from shelfmind.images.checking import note_bad_files, refuse_too_many_bad
from shelfmind.images.content import hash_files
from shelfmind.images.squares import open_squares
from shelfmind.inference.kept_predictions import predictions_of
from shelfmind.inference.predictor import Predictor
from shelfmind.machine.device import start_mindspore
from shelfmind.models import read_start
from shelfmind.models.weights import Start
from shelfmind.nouns import counted
from shelfmind.progress import tell
from shelfmind.recipe import Recipe, load_recipe
from shelfmind.records import Catalog, Sample
from shelfmind.runs.folder import RunFolder, create_run_folder, read_json
from shelfmind.runs.history import read_history, write_history
from shelfmind.runs.known_data import open_as_trained, with_split_of
from shelfmind.runs.overlaps import overlap_of
from shelfmind.runs.provenance import describe_origin, describe_weights
from shelfmind.runs.rules import require_rules
from shelfmind.training.build import Images, build_training, refuse_unbuildable
from shelfmind.training.clock import require_one_length
from shelfmind.training.loop import Training, train_to_the_end
from shelfmind.training.shortfalls import shortfalls
from shelfmind.training.speed import measure_epoch
from shelfmind.training.watching import Watcher
from shelfmind.workflows.evaluate import MAX_BAD_FRACTION, write_evaluation


def train(
    data: Path | str,
    *,
    recipe: Recipe | str = "default",
    out: Path | str,
    overrides: Sequence[str] = (),
    epochs: int | None = None,
    seed: int = 0,
    max_minutes: float | None = None,
    max_bad_fraction: float = MAX_BAD_FRACTION,
    format: str | None = None,
    weights: Path | str | None = None,
    offline: bool = False,
    rules: str | None = None,
    broader: Path | str | None = None,
    split_of: Path | str | None = None,
    watcher: Watcher | None = None,
) -> Evaluation | None:
    """Train on `data` by a recipe into the new folder `out`; returns the evaluation on val, if there is a val split.

    Args:
        data: a data set, see `shelfmind.data.open_catalog`.
        recipe: a recipe, a packaged recipe's name or a YAML file.
        out: the run folder to make; it must not exist or be empty.
        overrides: recipe values such as ``train.lr=0.1``.
        epochs: instead of the recipe's; not with `max_minutes`.
        seed: of the split, the weights, the order and the augmentations.
        max_minutes: fit the whole schedule into this time instead of a number of epochs.
        max_bad_fraction: share of unusable files above which to stop.
        format: of the data, if it should not be found out.
        weights: instead of the recipe's: a file, a run folder, or the name of official weights.
        offline: never download weights.
        rules: terms that the training must keep, see `shelfmind.runs.rules`.
        broader: a CSV with the columns ``class,broader``: learn the broader classes instead of the data's.
        split_of: a run whose split this one takes, photo by photo, so that both can be judged together; photos that it
            does not know are trained on, unless the data set itself calls them val or test.
        watcher: told of the progress.

    Raises:
        UserError: anything the user can mend.
    """
    began = time.perf_counter()
    require_one_length(epochs, max_minutes)
    if seed < 0:
        raise UserError(f"{argument('seed')} must be at least 0, got {seed}")
    if isinstance(recipe, Recipe) and overrides:
        raise UserError("overrides go with a recipe's name, not with a Recipe")
    settings = load_recipe(recipe, overrides) if isinstance(recipe, str) else recipe
    if epochs is not None:
        settings = settings.model_copy(update={"train": settings.train.model_copy(update={"epochs": epochs})})
    if weights is not None:
        settings = settings.model_copy(update={"model": settings.model.model_copy(update={"weights": str(weights)})})
    start_mindspore()
    watcher = watcher or Watcher()
    settings, start = with_start(settings, offline, watcher)
    watcher.phase("listing images")
    data_set = open_catalog(Path(data), format, seed)
    if split_of is not None:
        data_set = _with_split_of(data_set, RunFolder(Path(split_of)), watcher)
    catalog = data_set
    above = None if broader is None else read_broader(Path(broader))
    if above is not None:
        catalog = with_broader_classes(data_set, above, Path(str(broader)))
    tell(catalog.notes, watcher.note)
    if not catalog.split("train"):
        raise UserError(f"{data} has no training images")
    origin_of_weights = describe_weights(start)
    require_rules(rules, data_set, origin_of_weights)
    loaded = refuse_unbuildable(settings, len(catalog.class_names), start)
    if loaded is not None:
        watcher.note(loaded)
    cache_folder()
    run = create_run_folder(Path(out))
    images = read_images(catalog, settings, run, max_bad_fraction, watcher)
    command = {
        "max_minutes": max_minutes,
        "max_bad_fraction": max_bad_fraction,
        "rules": rules,
        "split_of": None if split_of is None else str(split_of),
    }
    write_json(run.provenance, describe_origin(Path(data), data_set, seed, command, origin_of_weights))
    if above is not None:
        write_broader(data_set, above, run.broader)
    write_history(run, catalog, watcher.counter)
    run.write_classes(catalog.class_names, _counts(images.train_samples, len(catalog.class_names)))
    write_text(run.recipe, settings.dump())
    classes = len(catalog.class_names)
    known = None
    if max_minutes is not None:
        watcher.phase("measuring the speed")
        known = measure_epoch(build_training(run, settings, images, classes, seed, max_minutes, began, start))
    training = build_training(run, settings, images, classes, seed, max_minutes, began, start)
    training.position.epoch_seconds = known or {}
    return _finish(training, catalog, images, watcher)


def resume(run: Path | str, watcher: Watcher | None = None) -> Evaluation | None:
    """Go on with a training that was stopped at any moment; a finished one is evaluated again."""
    began = time.perf_counter()
    folder = RunFolder(Path(run))
    settings = folder.read_recipe()
    for leftover in folder.root.glob(".*.tmp*"):
        leftover.unlink(missing_ok=True)
    origin = read_origin(folder)
    start_mindspore()
    watcher = watcher or Watcher()
    watcher.phase("listing images")
    listed = open_as_trained(folder, origin.data, origin.format, origin.seed)
    paths = [sample.path for sample in listed.samples]
    catalog = with_split(listed, folder.split, hash_files(paths, watcher.counter("hashing files", len(paths))))
    tell(catalog.notes, watcher.note)
    images = read_images(catalog, settings, folder, origin.max_bad_fraction, watcher)
    classes = len(catalog.class_names)
    start = None if folder.state.exists() else with_start(settings, True, watcher)[1]
    training = build_training(folder, settings, images, classes, origin.seed, origin.max_minutes, began, start)
    if folder.state.exists():
        training.position = training.tensors.load(folder, training.kind)
    elif origin.max_minutes is not None:
        scratch = build_training(folder, settings, images, classes, origin.seed, origin.max_minutes, began, start)
        training.position.epoch_seconds = measure_epoch(scratch)
    return _finish(training, catalog, images, watcher)


def with_start(recipe: Recipe, offline: bool, watcher: Watcher) -> tuple[Recipe, Start | None]:
    """The weights that a recipe starts from, and the recipe with the model's arguments that they need."""
    weights, name = recipe.model.weights, recipe.model.name
    if weights is None:
        return recipe, None
    start = read_start(weights, name, offline, watcher.counter)
    arguments = {**recipe.model.arguments, **start.arguments(recipe.model.arguments)}
    weights = weights if start.url else str(start.path.absolute())
    model = recipe.model.model_copy(update={"arguments": arguments, "weights": weights})
    return recipe.model_copy(update={"model": model}), start


@dataclass(frozen=True)
class Origin:
    """What a run was begun with."""

    data: Path
    format: str
    seed: int
    max_minutes: float | None
    max_bad_fraction: float


def read_origin(run: RunFolder) -> Origin:
    """What `provenance.json` says that resuming needs."""
    content = read_json(run.provenance)
    try:
        data, command = content["data"], content["command"]
        return Origin(
            Path(data["path"]),
            data["format"],
            int(content["seed"]),
            command["max_minutes"],
            float(command["max_bad_fraction"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{run.provenance} is damaged or from another version of shelfmind: {error}") from error


def read_images(catalog: Catalog, recipe: Recipe, run: RunFolder, max_bad_fraction: float, watcher: Watcher) -> Images:
    """Check and prepare the images of train and val; too many bad ones stop here, with their list."""
    train_samples, val_samples = catalog.split("train"), catalog.split("val")
    progress = watcher.counter("checking images", len(train_samples) + len(val_samples))
    train_squares, good_train, bad_train = open_squares(train_samples, recipe.data, progress)
    val_squares, good_val, bad_val = open_squares(val_samples, recipe.data, progress)
    bad_files = bad_train + bad_val
    total = len(train_samples) + len(val_samples)
    refuse_too_many_bad(bad_files, total, max_bad_fraction, run.bad_files)
    tell(note_bad_files(bad_files, total, run.bad_files), watcher.note)
    if len(good_train) < 2:
        raise UserError(f"{catalog.root} has {len(good_train)} usable training images; at least 2 are needed")
    return Images(train_squares, good_train, val_squares, good_val, bad_val)


def _finish(training: Training, catalog: Catalog, images: Images, watcher: Watcher) -> Evaluation | None:
    watcher.begin(training)
    train_to_the_end(training, watcher)
    for warning in _keep_warnings(training, images):
        watcher.warn(warning)
    if len(training.val_labels) == 0:
        return None
    predictor = Predictor(training.run)
    predictions = predictions_of(predictor, images.val, images.val_samples, images.val_bad, watcher.counter)
    overlap = overlap_of(images.val_samples, [read_history(training.run, watcher.counter)], watcher.counter)
    data = read_origin(training.run).data
    return write_evaluation(predictor, catalog, "val", predictions, data=data, overlap=overlap)


def _with_split_of(catalog: Catalog, run: RunFolder, watcher: Watcher) -> Catalog:
    run.require()
    catalog, added = with_split_of(catalog, read_history(run, watcher.counter), watcher.counter)
    if added:
        watcher.note(f"{counted(added, 'image is', 'images are')} not known to {run.root}: trained on")
    return catalog


def _keep_warnings(training: Training, images: Images) -> list[str]:
    """Write what makes the training's outcome doubtful into the last entry of its log, and return it."""
    found = shortfalls(
        steps=training.position.step,
        steps_per_epoch=training.batches.steps_per_epoch,
        batch_size=training.batches.batch_size,
        max_minutes=read_origin(training.run).max_minutes,
        val_images=len(images.val_samples),
    )
    if found:
        training.position.history[-1]["warnings"] = found
        training.run.write_log(training.position.history)
    return found


def _counts(samples: Sequence[Sample], classes: int) -> list[int]:
    return [int(count) for count in np.bincount([sample.label for sample in samples], minlength=classes)]
