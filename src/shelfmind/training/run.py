"""`train` and `resume`: from data and a recipe to a run folder."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from shelfmind.data import absolute, is_present, open_catalog
from shelfmind.data.broader import read_broader, with_broader_classes, write_broader
from shelfmind.data.digest import data_digest
from shelfmind.data.splits import with_split
from shelfmind.errors import UserError, call
from shelfmind.evaluation import Evaluation
from shelfmind.files import cache_folder, write_json, write_text
from shelfmind.guidance.advice import few_photos_note
from shelfmind.guidance.arguments import arguments_of
from shelfmind.guidance.places import unused_beside
from shelfmind.guidance.purposes import CHANGING, CONTEST, KNOWN
from shelfmind.guidance.situation import Situation, photos_of
from shelfmind.images.checking import note_bad_files, reject_too_many_bad
from shelfmind.images.content import hash_files
from shelfmind.images.squares import open_splits
from shelfmind.inference.prediction_cache import predictions_of
from shelfmind.inference.predictor import RunPredictor
from shelfmind.kernels.choice import Choice, choose, choose_recorded
from shelfmind.leftovers import remove_abandoned
from shelfmind.machine.checksums import file_sha256
from shelfmind.machine.cores import available_cores
from shelfmind.machine.device import start_mindspore
from shelfmind.machine.distributed import world
from shelfmind.machine.job import launched, started_by_msrun
from shelfmind.models import read_start
from shelfmind.models.mindcv_models import PREFIX
from shelfmind.models.weights import Start
from shelfmind.nouns import counted
from shelfmind.progress import tell
from shelfmind.recipe import Recipe, note_built_in_defaults
from shelfmind.records import Catalog, Sample
from shelfmind.requests.calling import takes
from shelfmind.requests.improving import SOUP_FILE
from shelfmind.requests.training import TrainRequest
from shelfmind.runs.adaptation import adaptation_of
from shelfmind.runs.folder import RunFolder, alone_in, create_run_folder, read_json, require_new_folder
from shelfmind.runs.history import UnknownHistoryError, read_history, write_history, write_split_with_digests
from shelfmind.runs.initial_weights import read_with_caveat, store_earlier_histories
from shelfmind.runs.known_data import open_with_run_classes, with_split_of
from shelfmind.runs.overlaps import overlap_of
from shelfmind.runs.provenance import describe_origin, describe_weights
from shelfmind.runs.rules import require_rules
from shelfmind.training.build import Images, build_training, refuse_unbuildable
from shelfmind.training.launch import launch
from shelfmind.training.loop import Training, train_to_the_end
from shelfmind.training.shortfalls import shortfalls
from shelfmind.training.speed import measure_epoch
from shelfmind.training.tasks import TASKS
from shelfmind.training.teaching import open_teachers, reopen_teachers, with_absolute_teachers
from shelfmind.training.together import (
    fact_of_kernels,
    facts_of_start,
    leaders_run,
    require_agreement,
    require_equal_parts,
    require_same_number,
    scratch_folder,
    start_together,
)
from shelfmind.training.tracking import tracked
from shelfmind.training.watching import TrainingStart, Watcher
from shelfmind.workflows.evaluate import write_evaluation
from shelfmind.workflows.recommendation import machine_here

REPEATED = ("seed", "split_of", "max_bad_fraction")
"""Arguments of a training that the commands of `few_photos_note` repeat."""


@takes(TrainRequest)
def train(request: TrainRequest, watcher: Watcher | None = None) -> Evaluation | None:
    """Train on a data set by a recipe into a new run folder, or resume a stopped run.

    Starts MindSpore on a device if it is not running yet.

    Returns:
        The evaluation on val, or None if there is no val split.

    Raises:
        UserError: invalid input.
    """
    if request.elsewhere and not (request.resume is not None and RunFolder(request.resume).is_trained()):
        with tracked(request.track, watcher or Watcher()) as observer:
            launch(request, observer)
            return resume(request.run, observer)  # evaluates
    start_mindspore()
    with tracked(request.track if world().leads else (), watcher or Watcher()) as observer:
        return train_here(request, observer)


def train_here(request: TrainRequest, watcher: Watcher) -> Evaluation | None:
    """Train in this process, which may be one of a data-parallel job."""
    return _trained(request, watcher) if request.resume is None else resume(request.resume, watcher)


def fine_tune(request: TrainRequest, watcher: Watcher) -> Evaluation | None:
    """Train only on photos that the run whose split is reused already knows; later photos stay held out."""
    return _trained(request, watcher, new_photos=False)


def _trained(request: TrainRequest, watcher: Watcher, new_photos: bool = True) -> Evaluation | None:
    began = time.perf_counter()
    (data, out), seed = request.new, request.seed
    if not started_by_msrun():  # otherwise the process that leads may be ahead
        require_new_folder(out)
    start_mindspore()
    settings, start = with_start(request.settings, request.offline, watcher)
    built_in = note_built_in_defaults(request.chosen_recipe)
    if built_in is not None:
        watcher.note(built_in)
    watcher.phase("listing images")
    data_set, catalog, broader = world().first_on_host(lambda: _listed(request, watcher, new_photos))
    tell(catalog.notes, watcher.note)
    if not catalog.split("train"):
        raise UserError(f"{data} has no training images")
    settings = with_absolute_teachers(settings)
    teachers = open_teachers(settings, catalog.class_names, request.rules)
    origin_of_weights, distils = describe_weights(start), [teacher.describe() for teacher in teachers]
    require_rules(request.rules, data_set, origin_of_weights, distils)
    require_equal_parts(settings, len(catalog.split("train")))
    loaded = refuse_unbuildable(settings, len(catalog.class_names), start)
    if loaded is not None:
        watcher.note(loaded)
    cache_folder()
    choice = choose_kernels(settings)
    if choice.note is not None:
        watcher.note(choice.note)
    if world().size > 1:
        require_agreement(facts_of_start(settings, seed, origin_of_weights.get("sha256"), choice))
    first = None if start is None or start.url is not None else start.path
    run = create_run_folder(out) if world().leads else scratch_folder()

    def recorded() -> Images:
        images = read_images(catalog, settings, run, request.max_bad_fraction, watcher)
        if not world().leads:
            write_split_with_digests(run, catalog, watcher.counter)
            return images
        record = describe_origin(data, data_set, seed, request.to_json(), origin_of_weights, distils)
        write_json(run.provenance, {**record, "kernels": choice.record(), "processes": world().size})
        if broader is not None:
            write_broader(data_set, broader, run.broader)
        write_history(run, catalog, watcher.counter)
        if first is not None or teachers:
            store_earlier_histories(run, first, watcher.counter, [teacher.file for teacher in teachers])
            doubt = read_with_caveat(run, watcher.counter)[1]
            if doubt is not None:
                watcher.warn(doubt)
        return images

    with alone_in(run):
        images = world().first_on_host(recorded)
        if world().size > 1:
            require_agreement({"data": file_sha256(run.split)})
        counts = _counts(images.train_samples, len(catalog.class_names))
        run.write_classes(catalog.class_names, counts)
        if start is None and not teachers:
            tell(_start_notes(request, settings, catalog), watcher.note)
        write_text(run.recipe, settings.dump())
        classes = len(catalog.class_names)
        max_minutes, known = request.max_minutes, None
        parts = (run, settings, images, classes, seed, max_minutes, began, start, choice, teachers)
        if max_minutes is not None:
            watcher.phase("measuring the speed")
            known = measure_epoch(build_training(*parts))
        training = build_training(*parts)
        training.position.epoch_seconds = known or {}
        start_together(training)
        return _finish(training, catalog, images, watcher)


def _listed(
    request: TrainRequest, watcher: Watcher, new_photos: bool
) -> tuple[Catalog, Catalog, dict[str, str] | None]:
    """The data set, the same with the classes to train on, and the broader class of each class, if these are meant."""
    data_set = open_catalog(request.new[0], request.format, request.seed, counter=watcher.counter)
    if request.split_of is not None:
        data_set = _with_split_of(data_set, RunFolder(request.split_of), watcher, new_photos)
    if request.broader is None:
        return data_set, data_set, None
    broader = read_broader(request.broader)
    return data_set, with_broader_classes(data_set, broader, request.broader), broader


def resume(run: Path | str, watcher: Watcher | None = None) -> Evaluation | None:
    """Resume a training run that was stopped at any point; a finished run is evaluated again.

    Raises:
        UserError: the run is finished without a training state, like those of `soup` and `adapt`; or its data is gone.
    """
    began = time.perf_counter()
    start_mindspore()
    folder = leaders_run(Path(run))
    settings = folder.read_recipe()
    _require_resumable(folder)
    with alone_in(folder):
        return _resumed(folder, settings, began, watcher or Watcher())


def _resumed(folder: RunFolder, settings: Recipe, began: float, watcher: Watcher) -> Evaluation | None:
    remove_abandoned(folder.root.glob(".*.tmp*"))
    origin = read_origin(folder)
    origin.require_data(folder)
    require_same_number(folder)
    choice = resumed_kernels(folder, settings)
    if choice.note is not None:
        watcher.note(choice.note)
    watcher.phase("listing images")

    def listed() -> tuple[Catalog, str]:
        found = open_with_run_classes(folder, origin.data, origin.format, origin.seed)
        paths = [sample.path for sample in found.samples]
        catalog = with_split(found, folder.split, hash_files(paths, watcher.counter("hashing files", len(paths))))
        return catalog, data_digest(catalog) if world().size > 1 else ""

    catalog, digest = world().first_on_host(listed)
    tell(catalog.notes, watcher.note)
    if world().size > 1:
        require_agreement({"data": digest, **fact_of_kernels(choice)})
    images = world().first_on_host(lambda: read_images(catalog, settings, folder, origin.max_bad_fraction, watcher))
    classes = len(catalog.class_names)
    start = None if folder.state.exists() else with_start(settings, True, watcher)[1]
    teachers = [] if folder.is_trained() else reopen_teachers(settings, catalog.class_names, folder)
    parts = (folder, settings, images, classes, origin.seed, origin.max_minutes, began, start, choice, teachers)
    training = build_training(*parts)
    if folder.state.exists():
        if training.world.leads:
            training.position = training.tensors.load(folder, training.kind)
    elif origin.max_minutes is not None:
        training.position.epoch_seconds = measure_epoch(build_training(*parts))
    start_together(training)
    return _finish(training, catalog, images, watcher)


def _require_resumable(run: RunFolder) -> None:
    """Raise `UserError` if the run is finished and has no training state, so that it would be trained again."""
    if run.state.exists() or not run.is_trained():
        return
    if (run.root / SOUP_FILE).exists():
        made = "was made from another run by soup"
    elif adaptation_of(run) is not None:
        made = "was made from another run by adapt"
    else:
        made = f"is trained, but its {run.state.name} is missing"
    evaluate = call("evaluate", runs=[str(run.root)], data="DATA")
    raise UserError(f"{run.root} {made}, so there is nothing to resume; evaluate it with: {evaluate}")


def with_start(recipe: Recipe, offline: bool, watcher: Watcher) -> tuple[Recipe, Start | None]:
    """The initial weights of a recipe, and the recipe with the model arguments that they require."""
    weights, name = recipe.model.weights, recipe.model.name
    if weights is None:
        return recipe, None
    start = read_start(weights, name, offline, watcher.counter)
    arguments = {**recipe.model.arguments, **start.arguments(recipe.model.arguments)}
    weights = weights if start.is_named else str(start.path.absolute())
    model = recipe.model.model_copy(update={"arguments": arguments, "weights": weights})
    return recipe.model_copy(update={"model": model}), start


def choose_kernels(recipe: Recipe) -> Choice:
    """The kernels for a new training by this recipe on this machine."""
    device = start_mindspore().get_context("device_target")
    own = not recipe.model.name.startswith(PREFIX)
    return choose(recipe.train.kernels, recipe.train.amp, device, available_cores(), own)


def resumed_kernels(run: RunFolder, recipe: Recipe) -> Choice:
    """The kernels that the run's training started with; the best ones here if it has not started."""
    content = read_json(run.provenance)
    if "kernels" not in content and not run.state.exists():
        choice = choose_kernels(recipe)
        write_json(run.provenance, {**content, "kernels": choice.record()})
        return choice
    device = start_mindspore().get_context("device_target")
    return choose_recorded(content.get("kernels"), recipe.train.amp, device, available_cores())


@dataclass(frozen=True)
class Origin:
    """The data and settings that a run was started with."""

    data: Path
    format: str
    seed: int
    max_minutes: float | None
    max_bad_fraction: float

    def require_data(self, run: RunFolder) -> None:
        """Raise `UserError` if the run's photos are gone."""
        if not is_present(self.data):
            raise UserError(
                f"the photos that {run.root} was trained on are no longer at {self.data}: restore them, or a link to "
                "their new location"
            )


def read_origin(run: RunFolder) -> Origin:
    """Read from `provenance.json` what resuming needs."""
    content = read_json(run.provenance)
    try:
        data, command = content["data"], content["command"]
        own_list = "fold_in" in content  # a list that moves with the run
        return Origin(
            absolute(run.split) if own_list else Path(data["path"]),
            data["format"],
            int(content["seed"]),
            command["max_minutes"],
            float(command["max_bad_fraction"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{run.provenance} is damaged or from another version of shelfmind: {error}") from error


def read_images(catalog: Catalog, recipe: Recipe, run: RunFolder, max_bad_fraction: float, watcher: Watcher) -> Images:
    """Check and prepare the images of train and val; raises `UserError`, with a list, if too many are bad."""
    splits = train_samples, val_samples = catalog.split("train"), catalog.split("val")
    progress = watcher.counter("checking images", len(train_samples) + len(val_samples))
    opened_train, opened_val = open_splits(splits, recipe.data, progress)
    (train_squares, good_train, bad_train), (val_squares, good_val, bad_val) = opened_train, opened_val
    bad_files = bad_train + bad_val
    total = len(train_samples) + len(val_samples)
    reject_too_many_bad(bad_files, total, max_bad_fraction, run.bad_files)
    tell(note_bad_files(bad_files, total, run.bad_files), watcher.note)
    if len(good_train) < 2:
        raise UserError(f"{catalog.root} has {len(good_train)} usable training images; at least 2 are needed")
    return Images(train_squares, good_train, val_squares, good_val, bad_val)


def _finish(training: Training, catalog: Catalog, images: Images, watcher: Watcher) -> Evaluation | None:
    watcher.begin(
        TrainingStart(
            run=training.run.root,
            recipe=training.recipe,
            kind=training.kind,
            images=len(training.batches.labels),
            batch_size=training.batches.batch_size,
            val_images=len(training.val_labels),
            epochs_done=training.position.epoch,
            progress=training.position.progress,
        )
    )
    train_to_the_end(training, watcher)
    if launched() or not training.world.leads:
        return None
    history, doubt = read_with_caveat(training.run, watcher.counter)
    for warning in _record_warnings(training, images, doubt):
        watcher.warn(warning)
    training.run.seal()
    if len(training.val_labels) == 0:
        return None
    predictor = RunPredictor(training.run)
    predictions = predictions_of(predictor, images.val, images.val_samples, images.val_bad, watcher.counter)
    overlap = None if history is None else overlap_of(images.val_samples, [history], watcher.counter)
    data = read_origin(training.run).data
    return write_evaluation(predictor, catalog, "val", predictions, data=data, overlap=overlap)


def _with_split_of(catalog: Catalog, run: RunFolder, watcher: Watcher, new_photos: bool) -> Catalog:
    run.require()
    try:
        history = read_history(run, watcher.counter)
    except UnknownHistoryError as error:
        raise UserError(f"{error.fact}, so its split cannot be reused; {error.advice}") from error
    catalog, new = with_split_of(catalog, history, watcher.counter, new_photos)
    if new:
        what = "trained on" if new_photos else "skipped"
        watcher.note(f"{counted(new, 'image is', 'images are')} not known to {run.root}: {what}")
    return catalog


def _record_warnings(training: Training, images: Images, doubt: str | None) -> list[str]:
    """Add warnings about the result to the last entry of the log, and return them; `doubt` concerns the initial
    weights."""
    found = [] if doubt is None else [doubt]
    found += shortfalls(
        steps=training.position.step,
        steps_per_epoch=training.batches.steps_per_epoch,
        batch_size=training.batches.batch_size,
        max_minutes=read_origin(training.run).max_minutes,
        elapsed_s=training.position.elapsed_s,
        val_images=len(images.val_samples),
    )
    if found:
        training.position.history[-1]["warnings"] = found
        training.run.write_log(training.position.history)
    return found


def _start_notes(request: TrainRequest, settings: Recipe, catalog: Catalog) -> list[str]:
    """A note that there are too few photos to train from scratch, given before training starts."""
    photos = photos_of(catalog)
    if not photos.few or not TASKS[settings.train.task].labelled:
        return []
    data, out = request.new
    embeds = isinstance(request.recipe, str) and "embedding" in request.recipe
    purpose = CONTEST if request.rules == CONTEST else CHANGING if embeds else KNOWN
    situation = Situation(data, photos, machine_here(None, None), purpose, request.max_minutes, request.format)
    kept = {name: value for name, value in arguments_of(request).items() if name in REPEATED}
    note = few_photos_note(situation, unused_beside(out, "pretrained"), kept)
    return [] if note is None else [note]


def _counts(samples: Sequence[Sample], classes: int) -> list[int]:
    return [int(count) for count in np.bincount([sample.label for sample in samples], minlength=classes)]
