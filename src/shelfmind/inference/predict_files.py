"""`predict` for files: find them, stream them through a run and write the outcome in constant memory."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from shelfmind.data.listing import Listing, list_images, natural_key, note_circular_links, note_others
from shelfmind.data.shards import photos_at, shard_paths
from shelfmind.errors import UserError
from shelfmind.images.archives import ARCHIVE_SUFFIXES
from shelfmind.images.checking import reject_too_many_bad
from shelfmind.images.photo_files import file_exists
from shelfmind.images.verified_files import require_intact
from shelfmind.inference.adaptation import require_unadapted
from shelfmind.inference.network_outputs import (
    BEST_GUESSES,
    PART_SIZE,
    WHOLE_ARRAYS,
    ComputedOutputs,
    Outputs,
    outputs_of_cluster,
)
from shelfmind.inference.outputs import check_output, write_arrays, write_predictions
from shelfmind.inference.parts import Item, Parts, plan_of
from shelfmind.inference.predictor import Batch, Prediction, Predictor, load
from shelfmind.inference.replicas import Replica
from shelfmind.machine.cluster import Cluster, joined
from shelfmind.nouns import shortened
from shelfmind.prediction_files import PredictionWriter
from shelfmind.progress import Progress, tell
from shelfmind.records import UNLABELLED, BadFile
from shelfmind.requests.calling import takes
from shelfmind.requests.measuring import PredictRequest
from shelfmind.requests.watching import SILENT, Observer
from shelfmind.runs.folder import note_if_unfinished
from shelfmind.runs.rules import engine_under
from shelfmind.top_probabilities import KEPT, exceeds_memory
from shelfmind.urls import is_url, shown_url

if TYPE_CHECKING:  # only needed with a gallery, and takes a tenth of the start-up time
    from shelfmind.inference.recognizer import Answer

SHOWN = 20


@dataclass
class PredictionOutcome:
    """The number of files, the first few predictions (or answers, with a gallery), unusable files, and notes on skipped
    files. `engine` is the engine with its precision."""

    images: int = 0
    engine: str = ""
    shown: list[Prediction] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    bad_files: list[BadFile] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    bad_list: Path | None = None

    def note(self, prediction: Prediction) -> Prediction:
        """Count one prediction."""
        self.images += 1
        if len(self.shown) < SHOWN:
            self.shown.append(prediction)
        if prediction.error is not None:
            self.bad_files.append(BadFile(Path(prediction.source), prediction.error))
        return prediction

    def note_answer(self, answer: Answer) -> Answer:
        """Count one answer of a gallery, for one image or several together."""
        self.images += answer.images
        if len(self.answers) < SHOWN:
            self.answers.append(answer)
        if answer.error is not None:
            self.bad_files.append(BadFile(Path(answer.source), answer.error))
        return answer


@takes(PredictRequest)
def predict_files(request: PredictRequest, watcher: Observer = SILENT) -> PredictionOutcome:
    """Predict all images of the paths (files, folders, patterns), in order. The ending of `out` sets the format.

    Unusable files keep their row in ``.csv`` and ``.jsonl``. With any `out` they are also listed with the reason in
    ``<out>.bad_files.csv``.

    Returns:
        The number of images, the first few predictions, and unusable and skipped files.

    Raises:
        UserError: a path does not exist, the output cannot be written, or there is no run.
    """
    paths, top, out = request.paths, request.top, request.out
    if out is not None:
        check_output(out)
    for path in paths:
        require_existing(path)
    require_unadapted(request.rules, [request.run])
    tell(note_if_unfinished(request.run), watcher.note)
    with joined(request.ray, request.workers, watcher.note) as cluster:
        if request.gallery is not None:
            return _predict_with_gallery(request, request.gallery, cluster, watcher)
        engine = engine_under(request.rules, request.engine)
        predictor = load(request.run, request.tta, engine, request.batch, request.decode)
        total, notes = count_images(paths)
        outcome = PredictionOutcome(engine=predictor.engine.name, notes=notes)
        whole = out is not None and out.suffix == ".npz"
        progress = watcher.counter("predicting", total)
        with _outputs(request, cluster, predictor, None if whole else top, progress) as (outputs, progress):
            if out is not None and whole:
                write_arrays(
                    out,
                    predictor.class_names,
                    lambda arrays: _to_arrays(outputs.batches(), arrays, outcome, progress),
                    only_top=_only_top(out, total, len(predictor.class_names), outcome),
                )
            elif out is not None:
                noted = _noted(outputs.predictions(top), outcome, progress)
                write_predictions(out, noted, min(top, len(predictor.class_names)))
            else:
                for _ in _noted(outputs.predictions(top), outcome, progress):
                    pass
    return _with_bad_list(outcome, out)


@contextmanager
def _outputs(
    request: PredictRequest, cluster: Cluster | None, predictor: Predictor, top: int | None, progress: Progress
) -> Iterator[tuple[Outputs, Progress]]:
    """The outputs for all images, and the progress of reading them; with `top` None they are whole arrays."""
    if cluster is None or request.out is None:
        yield ComputedOutputs(predictor, find_images(request.paths)), progress
        return
    replica = Replica.of(predictor, engine_under(request.rules, request.engine), request.batch, request.decode)
    items = [Item(shown_url(path)) for path in find_images(request.paths)]
    plan = plan_of(predictor, items, shortened(request.paths), request.decode, PART_SIZE)
    parts = Parts(
        request.out,
        {**plan, "tta": predictor.tta, "temperature": predictor.temperature, "top": top},
        WHOLE_ARRAYS if top is None else BEST_GUESSES,
    )
    with outputs_of_cluster(cluster, parts, items, replica, top, progress) as outputs:
        yield outputs, lambda done: None  # they have been counted


def _predict_with_gallery(
    request: PredictRequest, gallery: str, cluster: Cluster | None, watcher: Observer
) -> PredictionOutcome:
    """Predict with a run and a gallery, which is searched here."""
    from shelfmind.inference.answer_files import answer_files
    from shelfmind.inference.recognizer import recognizer

    total, notes = count_images(request.paths)
    engine = engine_under(request.rules, request.engine)
    found = recognizer(request.run, gallery, engine, request.batch, request.decode, watcher.note)
    outcome = PredictionOutcome(engine=found.predictor.engine.name, notes=notes)
    progress = watcher.counter("predicting", total)
    with _outputs(request, cluster, found.predictor, None, progress) as (outputs, progress):

        def note(answer: Answer) -> Answer:
            progress(answer.images)
            return outcome.note_answer(answer)

        answer_files(
            found,
            outputs.batches(),
            top=request.top,
            out=request.out,
            together=request.together,
            note=note,
            only_top=_only_top(request.out, total, len(found.columns.names), outcome),
        )
    return _with_bad_list(outcome, request.out)


def _only_top(out: Path | None, images: int, classes: int, outcome: PredictionOutcome) -> bool:
    """Whether an ``.npz`` of all probabilities would exceed the memory of its readers; notes that it keeps fewer."""
    if out is None or out.suffix != ".npz" or not exceeds_memory(images, classes):
        return False
    outcome.notes.append(f"{out} has only the most probable classes of each image: {KEPT} of {classes:,}")
    return True


def _with_bad_list(outcome: PredictionOutcome, out: Path | None) -> PredictionOutcome:
    if out is not None:
        outcome.bad_list = write_bad_list(outcome.bad_files, outcome.images, out)
    return outcome


def write_bad_list(bad_files: Sequence[BadFile], images: int, out: Path) -> Path | None:
    """Write the list of unusable files next to `out`, or delete an earlier list if there are none."""
    bad_list = out.with_name(f"{out.name}.bad_files.csv")
    if not bad_files:
        bad_list.unlink(missing_ok=True)
        return None
    reject_too_many_bad(bad_files, images, 1.0, bad_list)
    return bad_list


def require_existing(path: str) -> None:
    """Raise `UserError` for a path that does not exist."""
    if is_url(path) or os.path.lexists(path) or file_exists(Path(path)):
        return
    if glob.has_magic(path) and next(glob.iglob(path, recursive=True), None) is not None:
        return
    raise UserError(f"{path}: no such file or folder, and no file matches it as a pattern")


def find_images(paths: Sequence[str], left_out: Listing | None = None) -> Iterator[Path]:
    """Yield the files of `paths`: files as given, all images below folders, in archives and object stores, and sorted
    matches of patterns.

    Other files in folders are added to `left_out`. Shards are used in folders without images.
    """
    for path in paths:
        if is_url(path) or file_exists(Path(path)) or os.path.lexists(path):
            named = [path]
        else:
            named = sorted(glob.iglob(path, recursive=True), key=natural_key)
        for name in named:
            if is_url(name) or not os.path.isdir(name):
                yield from photos_at(Path(name))
                continue
            listing = list_images(Path(name))
            yield from listing.images
            if not listing.images:
                shards = shard_paths(Path(name), ARCHIVE_SUFFIXES)
                require_intact(shards)
                for shard in shards:
                    listing.others.pop(shard.suffix.lower(), None)
                    yield from photos_at(shard)
            if left_out is not None:
                left_out.add(listing)


def count_images(paths: Sequence[str]) -> tuple[int, list[str]]:
    """Return the number of files of `find_images` and notes on skipped ones. Raises `UserError` if there are none."""
    left_out = Listing()
    total = sum(1 for _ in find_images(paths, left_out))
    return total, notes_on(paths, total, left_out)


def notes_on(paths: Sequence[str], total: int, left_out: Listing) -> list[str]:
    """The notes on files that `find_images` skipped. Raises `UserError` if it found none."""
    notes = [*note_others(left_out.others), *note_circular_links(map(str, left_out.circular_links))]
    if total == 0:
        raise UserError("; ".join([f"there is no image in {', '.join(paths)}", *notes]))
    return notes


def _noted(predictions: Iterable[Prediction], outcome: PredictionOutcome, progress: Progress) -> Iterator[Prediction]:
    for prediction in predictions:
        progress(1)
        yield outcome.note(prediction)


def _to_arrays(
    batches: Iterable[Batch], arrays: PredictionWriter, outcome: PredictionOutcome, progress: Progress
) -> None:
    for batch in batches:
        named = list(zip(batch.names, batch.errors, strict=True))
        good = [name for name, error in named if error is None]
        if good:
            arrays.add(good, np.full(len(good), UNLABELLED), batch.probabilities, batch.embeddings)
        for name, error in named:
            outcome.note(Prediction(name, (), error))
        progress(len(named))
