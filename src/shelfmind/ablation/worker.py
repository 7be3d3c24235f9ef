"""The process of one cell: produces its missing runs one by one, and evaluates the last one.

It reads its task as a line of JSON from standard input, and reports progress as lines of JSON on standard output.
It exits when standard input is closed, which happens when the parent process ends.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from shelfmind.ablation.store import Cost, Result, StepPlace, digest_of_paths
from shelfmind.errors import UserError
from shelfmind.evaluation.outcomes import outcomes_of
from shelfmind.files import exclusively, make_folder, write_json
from shelfmind.images.squares import open_squares
from shelfmind.inference.predictor import RunPredictor
from shelfmind.machine.cores import available_cores
from shelfmind.progress import count_silently
from shelfmind.records import Predictions, Sample
from shelfmind.training.watching import EpochEntry, Watcher

TIMED = 200
"""Number of images for measuring speed."""
Report = Callable[[Mapping[str, Any]], None]
STOPPED = 130


class Meter(Watcher):
    """Measures the cost of a step, saves it after every epoch, and reports progress."""

    def __init__(self, place: StepPlace, report: Report) -> None:
        self.place, self.report = place, report
        self.before = Cost() if place.cost.done else place.cost  # a finished run that was deleted begins again
        self.began, self.processor_began = time.perf_counter(), time.process_time()

    def note(self, text: str) -> None:
        """Pass it to the parent process."""
        self.report({"note": str(text)})

    def warn(self, text: str) -> None:
        """Pass it to the parent process."""
        self.report({"warning": str(text)})

    def epoch(self, entry: EpochEntry) -> None:
        """Save the cost so far; an epoch whose state was not saved is repeated and counted again."""
        self.keep()
        self.report({"progress": entry["progress"], "val_top1": entry["val_top1"]})

    def keep(self, done: bool = False) -> None:
        """Save the cost so far."""
        self.place.keep_cost(
            Cost(
                seconds=round(self.before.seconds + time.perf_counter() - self.began, 1),
                processor_s=round(self.before.processor_s + time.process_time() - self.processor_began, 1),
                memory_mib=max(self.before.memory_mib, _peak_memory_mib()),
                cores=available_cores(),
                done=done,
                kernels=_kernels_of(self.place.run) if done else "",
            )
        )


def main() -> None:
    """Run the task. Exit status 0, 1 after a reported error, 130 if stopped."""
    stream = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def report(content: Mapping[str, Any]) -> None:
        print(json.dumps(content), file=stream, flush=True)

    task = json.loads(sys.stdin.readline())
    threading.Thread(target=_exit_with_parent, daemon=True).start()
    try:
        work(task, report)
    except UserError as error:
        report({"error": str(error)})
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(STOPPED)


def work(task: Mapping[str, Any], report: Report) -> None:
    """Produce the missing runs, and evaluate them.

    Raises:
        UserError: a step or the evaluation failed.
    """
    from shelfmind.machine.device import start_mindspore

    start_mindspore()
    for step in task["steps"]:
        place = StepPlace(Path(step["folder"]))
        make_folder(place.folder)
        with exclusively(place.lock):
            if place.done:  # by another process in the meantime
                continue
            report({"step": step["folder"]})
            write_json(place.folder / "step.json", step["described"])
            meter = Meter(place, report)
            _KINDS[step["kind"]](step, place.run, meter, task)
            meter.keep(done=True)
    report({"step": None})
    evaluate(task).save(Path(task["result"]))


def evaluate(task: Mapping[str, Any]) -> Result:
    """Evaluate the runs of the task, or their average."""
    from shelfmind.evaluation.calibration import cross_fitted
    from shelfmind.evaluation.ensemble import average_predictions
    from shelfmind.evaluation.logit_adjustment import logit_adjusted
    from shelfmind.runs.folder import RunFolder
    from shelfmind.runs.known_data import open_known
    from shelfmind.workflows.evaluate import predict_split

    runs = [RunFolder(Path(run)) for run in task["runs"]]
    predictors = [RunPredictor(run, task["views"], calibrated=False) for run in runs]
    catalog = open_known(runs, Path(task["data"]), task["format"], count_silently).catalog
    if not catalog.split(task["split"]):
        raise UserError(f"{catalog.root} has no images in {task['split']} to evaluate on")
    folder, most = Path(task["result"]).parent, task["max_bad_fraction"]
    members = [predict_split(each, catalog, task["split"], most, folder, count_silently) for each in predictors]
    found = members[0] if len(members) == 1 else average_predictions(members, np.full(len(members), 1 / len(members)))
    if task["logit_adjust"] is not None:
        found = logit_adjusted(found, np.array(predictors[0].train_images, np.int64), task["logit_adjust"])
    if task["temperature"]:
        found = cross_fitted(found, folds=2)
    samples = catalog.split(task["split"])[:TIMED]
    return result_of(found, sum(_seconds_an_image(each, samples) for each in predictors))


def result_of(predictions: Predictions, seconds_an_image: float) -> Result:
    """The stored result of predictions, whose size does not depend on the number of classes."""
    order = np.array(sorted(range(len(predictions)), key=predictions.paths.__getitem__))
    outcomes = outcomes_of(predictions)
    arrays = {name: value[order] for name, value in vars(outcomes).items() if isinstance(value, np.ndarray)}
    paths = digest_of_paths([predictions.paths[index] for index in order])
    return Result(paths, replace(outcomes, **arrays), seconds_an_image)


def _seconds_an_image(predictor: RunPredictor, samples: Sequence[Sample]) -> float:
    """Seconds per decoded image, the better of two passes: the first includes compilation."""
    squares, good, _ = open_squares(samples, predictor.recipe.data, lambda _: None)
    return min(predictor.predict_squares(squares, good).seconds for _ in range(2)) / max(1, len(good))


def _train(step: Mapping[str, Any], run: Path, meter: Meter, task: Mapping[str, Any]) -> None:
    from shelfmind.requests.shared import RUN_FILE
    from shelfmind.requests.training import PretrainRequest, TrainRequest
    from shelfmind.training.pretrain import pretrain
    from shelfmind.training.run import train

    if (run / RUN_FILE).exists():
        _ = (train if step["kind"] == "train" else pretrain)(resume=run, watcher=meter)
        return
    from shelfmind.recipe import parse_recipe

    shared = {
        "data": step["data"],
        "format": step["format"],
        "recipe": parse_recipe(yaml.safe_load(step["recipe"]), "of the row"),
        "out": run,
        "seed": step["seed"],
        "max_minutes": step["minutes"],
        "weights": step["source"],
        "offline": task["offline"],
        "max_bad_fraction": task["max_bad_fraction"],
    }
    if step["kind"] == "train":
        train(TrainRequest(**shared, teacher=tuple(step["teachers"])), watcher=meter)
    else:
        broader = step["of"].get("broader")
        pretrain(PretrainRequest(**shared, broader=None if broader is None else Path(broader)), watcher=meter)


def _soup(step: Mapping[str, Any], run: Path, meter: Meter, task: Mapping[str, Any]) -> None:
    import shutil

    from shelfmind.requests.improving import SoupRequest
    from shelfmind.training.soup import soup

    shutil.rmtree(run, ignore_errors=True)  # left by a killed process
    soup(SoupRequest(run=Path(step["source"]), out=run, kind=step["of"]["rule"]), watcher=meter)


def _fixres(step: Mapping[str, Any], run: Path, meter: Meter, task: Mapping[str, Any]) -> None:
    from shelfmind.runs.folder import RunFolder
    from shelfmind.training.fixres import tune_at

    timed = step["minutes"] is not None
    epochs = None if timed else step["of"]["epochs"]
    tune_at(step["of"]["size"], RunFolder(Path(step["source"])), run, meter, epochs, step["minutes"])


_KINDS: dict[str, Callable[[Mapping[str, Any], Path, Meter, Mapping[str, Any]], None]] = {
    "train": _train,
    "pretrain": _train,
    "soup": _soup,
    "fixres": _fixres,
}


def _kernels_of(run: Path) -> str:
    """The kernels that a run was trained with, and their precision."""
    from shelfmind.runs.folder import RunFolder, read_json

    provenance = RunFolder(run).provenance
    kernels = read_json(provenance).get("kernels") if provenance.exists() else None
    return f"{kernels['name']} {kernels['precision']}" if kernels else ""


def _exit_with_parent() -> None:
    sys.stdin.read()
    os._exit(STOPPED)


def _peak_memory_mib() -> float:
    """The peak memory of this process; 0 if unavailable."""
    try:
        import resource
    except ImportError:  # Windows
        return 0.0
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit, 1)
