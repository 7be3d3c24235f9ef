"""`benchmark`: measures the speed of a run on this machine, in interleaved rounds."""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from shelfmind.batching import evenly_sampled
from shelfmind.benchmarking.processes import CompletedCommand, Worker, run_predict
from shelfmind.benchmarking.record import FORMAT, Change, changes, differences, machine, read_record, speed_of
from shelfmind.benchmarking.subjects import TRAININGS, Subject, photos_of, recipe_of, skipped, subjects_of
from shelfmind.errors import Message, UserError, argument
from shelfmind.files import require_writable, write_json
from shelfmind.images.checking import check_files, verdicts_path
from shelfmind.images.photo_files import read_file
from shelfmind.inference.predict_files import find_images
from shelfmind.machine.packages import installed, missing
from shelfmind.progress import Progress
from shelfmind.requests.benchmarking import BenchmarkRequest
from shelfmind.requests.calling import takes
from shelfmind.requests.watching import SILENT, Observer
from shelfmind.urls import is_url

SECONDS = 1.0
"""Seconds of calls of one batch size per round."""
COMMANDS = 3
"""Maximum rounds of whole commands."""


@dataclass(frozen=True)
class Benchmark:
    """All results, as they are written; the changes from earlier ones, and what limits their comparability."""

    record: Mapping[str, Any]
    changes: Sequence[Change] = ()
    differences: Sequence[str] = ()
    notes: list[str] = field(default_factory=list)


@takes(BenchmarkRequest)
def benchmark(request: BenchmarkRequest, watcher: Observer = SILENT) -> Benchmark:
    """Measure the prediction and training speed of a run or an exported file on this machine.

    Returns:
        The results, and the changes from those in `compare`.

    Raises:
        UserError: no run, no usable engine, no usable photos in `data`, earlier results that cannot be read. Anything
            that fails while measuring is left out with a note.
    """
    if request.out is not None:
        require_writable(request.out)
    earlier = None if request.compare is None else read_record(request.compare)
    subjects, notes = subjects_of(request.run)
    photos = _photos(request, watcher.counter, notes) if "command" in request.parts else []
    predicting: dict[str, Any] = {subject.name: {"batches": {}} for subject in subjects}
    if "engines" in request.parts:
        wanted = {each.name: _engine_task(each, request.batch) for each in subjects}
        predicting |= _speeds(wanted, request, watcher, "measuring engines", notes)
    if photos:
        for name, figures in _commands(subjects, photos, request.rounds, watcher, notes).items():
            predicting.setdefault(name, {"batches": {}})["command"] = figures
    training: dict[str, Any] = {}
    if "training" in request.parts and not installed("mindspore"):
        notes.append(Message(f"note: training steps were not measured: {missing('mindspore')}"))
    elif "training" in request.parts:
        trained = {
            name: {"kind": "training", "place": str(request.run), "overrides": list(overrides)}
            for name, overrides in TRAININGS.items()
        }
        training = _speeds(trained, request, watcher, "measuring training steps", notes)
    record = _described(request) | {"predicting": predicting, "training": training}
    if request.out is not None:
        write_json(request.out, record)
    if earlier is None:
        return Benchmark(record, notes=notes)
    return Benchmark(record, changes(earlier, record), differences(earlier, record), notes)


def _described(request: BenchmarkRequest) -> dict[str, Any]:
    recipe = recipe_of(request.run)
    settings = {"images": request.images, "rounds": request.rounds, "views": list(recipe.evaluation.tta)}
    network = {"name": recipe.model.name, "arguments": dict(recipe.model.arguments), "size": recipe.evaluation_size}
    return {
        "benchmark": FORMAT,
        "run": str(request.run),
        "time": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "network": network,
        "settings": settings,
        **machine(),
    }


def _engine_task(subject: Subject, batches: Sequence[int]) -> dict[str, Any]:
    return {"kind": "engine", "place": str(subject.place), "engine": subject.engine, "batches": list(batches)}


def _speeds(
    wanted: Mapping[str, Mapping[str, Any]],
    request: BenchmarkRequest,
    watcher: Observer,
    what: str,
    notes: list[str],
) -> dict[str, Any]:
    """Results by name, with all workers warmed up and one active at a time; without those that fail."""
    with ExitStack() as stack:
        workers: dict[str, Worker] = {}
        progress = watcher.counter(f"{what}: starting", len(wanted), "processes")
        for name, task in wanted.items():
            try:
                workers[name] = stack.enter_context(closing(Worker(task)))
            except UserError as error:
                notes.append(skipped(name, error.message))
            progress(1)
        calls = {name: [str(batch) for batch in _batches(wanted[name], request)] for name in workers}
        found: dict[str, dict[str, list[list[float]]]] = {
            name: {batch: [] for batch in batches} for name, batches in calls.items()
        }
        progress = watcher.counter(what, request.rounds, "rounds")
        for number in range(request.rounds):
            for name in _alternating(list(workers), number):
                try:
                    for batch in calls[name]:
                        found[name][batch].append(workers[name].milliseconds(batch, SECONDS))
                except UserError as error:
                    notes.append(skipped(name, error.message))
                    del workers[name]
            progress(1)
        return {
            name: {
                **workers[name].facts,
                "batches": {batch: speed_of(int(batch), rounds) for batch, rounds in found[name].items()},
            }
            for name in workers
        }


def _batches(task: Mapping[str, Any], request: BenchmarkRequest) -> Sequence[int]:
    """The batch sizes to measure; for training, that of the recipe."""
    return task.get("batches") or [recipe_of(request.run).train.batch_size]


def _commands(
    subjects: Sequence[Subject], photos: Sequence[Path], rounds: int, watcher: Observer, notes: list[str]
) -> dict[str, dict[str, Any]]:
    """The duration of `predict` for several photos and for one, by subject: medians over rounds; without those that
    fail."""
    rounds = min(rounds, COMMANDS)
    completed: dict[str, list[tuple[CompletedCommand, CompletedCommand]]] = {subject.name: [] for subject in subjects}
    progress = watcher.counter("measuring the whole command", rounds * len(subjects), "commands")
    with tempfile.TemporaryDirectory() as folder:
        all_of, one_of = Path(folder) / "all", Path(folder) / "one"
        all_of.mkdir()
        one_of.mkdir()
        for number in range(rounds):
            for subject in _alternating(list(subjects), number):
                progress(1)
                if subject.name not in completed:
                    continue
                try:
                    alone = run_predict(subject.place, subject.engine, photos[:1], one_of)
                    together = run_predict(subject.place, subject.engine, photos, all_of)
                    completed[subject.name].append((alone, together))
                except UserError as error:
                    notes.append(skipped(f"the whole command with {subject.name}", error.message))
                    del completed[subject.name]
    return {name: _command_figures(pairs, len(photos)) for name, pairs in completed.items()}


def _command_figures(pairs: Sequence[tuple[CompletedCommand, CompletedCommand]], count: int) -> dict[str, Any]:
    memory = [together.memory_mb for _, together in pairs if together.memory_mb is not None]
    return {
        "images": count,
        "images_per_second": round(statistics.median(count / together.seconds for _, together in pairs), 2),
        "first_answer_s": round(statistics.median(alone.seconds for alone, _ in pairs), 3),
        "memory_mb": round(max(memory), 1) if memory else None,
    }


def _photos(request: BenchmarkRequest, counter: Callable[..., Progress], notes: list[str]) -> list[Path]:
    """Usable photos of `data`; those of the run by default, or none with a note."""
    if request.data is not None:
        if not is_url(request.data) and not request.data.is_dir():
            raise UserError(f"{request.data} must be a folder of photos")
        return _usable(list(find_images([str(request.data)])), str(request.data), request.images, counter)
    try:
        return _usable(photos_of(request.run, counter), "the run's data", request.images, counter)
    except UserError as error:
        reason, where = error.message, argument("data", "PHOTOS")
        notes.append(Message(f"note: the whole command was not measured: {reason}; set a folder of photos: {where}"))
        return []


def _usable(photos: Sequence[Path], data: str, most: int, counter: Callable[..., Progress]) -> list[Path]:
    """Usable ones among at most this many of the photos, evenly spaced; read once in advance, so that the disk cache is
    warm."""
    chosen = evenly_sampled(photos, most)
    progress = counter("checking photos", len(chosen))
    bad = {each.path for each in check_files(chosen, cache=verdicts_path(), progress=progress)}
    good = [path for path in chosen if path not in bad]
    if not good:
        raise UserError(f"no usable photos in {data}")
    for path in good:
        read_file(path)
    return good


def _alternating(names: list[Any], number: int) -> list[Any]:
    """Reverse the order in every second round."""
    return names if number % 2 == 0 else names[::-1]
