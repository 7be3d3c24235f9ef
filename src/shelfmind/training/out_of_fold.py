"""Out-of-fold predictions of every image: folds are trained one after the other."""

from __future__ import annotations

import shutil
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from shelfmind.analysis.label_errors.held_out import HeldOut
from shelfmind.data import needed_format
from shelfmind.data.list_file import write_list
from shelfmind.errors import UserError, argument, call
from shelfmind.files import make_folder, write_json
from shelfmind.guidance.starts import FEW
from shelfmind.images.squares import open_squares
from shelfmind.inference.predict_arrays import open_probabilities, predict_into
from shelfmind.inference.predictor import RunPredictor
from shelfmind.recipe import Recipe, parse_recipe
from shelfmind.records import Sample
from shelfmind.requests.label_checking import PLAN_FILE
from shelfmind.requests.shared import RUN_FILE
from shelfmind.requests.training import TrainRequest
from shelfmind.runs.folder import RunFolder, read_json
from shelfmind.runs.initial_weights import WARNING_PREFIX
from shelfmind.runs.plans import keep_plan
from shelfmind.training.run import resume, train
from shelfmind.training.watching import ForwardingWatcher, Watcher

PREDICTION_SHARE = 0.1
"""Share of its time budget that the first fold reserves for predictions; later folds use the measured time."""


@dataclass(frozen=True)
class CheckPlan:
    """The settings of a label check; a folder that was started with another plan is not resumed."""

    data: str
    format: str
    digest: str
    folds: int
    seed: int
    max_minutes: float | None
    offline: bool
    recipe: dict[str, Any]

    def settings(self) -> Recipe:
        """The recipe of the folds."""
        return parse_recipe(self.recipe, PLAN_FILE)


@dataclass(frozen=True)
class CheckFolder:
    """The file names of a label check; `root` is the folder, and has the files of `open_probabilities`."""

    root: Path

    @property
    def plan(self) -> Path:
        """The settings that the check was started with."""
        return self.root / PLAN_FILE

    @property
    def images(self) -> Path:
        """The order of the images in every array."""
        return self.root / "images.csv"

    @property
    def unseen(self) -> Path:
        """For each checked image, whether the initial weights were not trained on its label, Booleans."""
        return self.root / "unseen.npy"

    @property
    def bad_files(self) -> Path:
        """Unusable files, with reasons."""
        return self.root / "bad_files.csv"

    def fold(self, fold: int) -> Path:
        """The folder of one fold: its list of images, its run, its embeddings and, once finished, `done.json`."""
        return self.root / "folds" / str(fold)

    def embeddings(self, fold: int) -> Path:
        """Embeddings of all images by the network of one fold, 16-bit, (images, width)."""
        return self.fold(fold) / "embeddings.npy"

    def open(self) -> None:
        """Create the folder, or accept one with a started check.

        Raises `UserError` if it contains something else, or cannot be created.
        """
        if self.plan.exists():
            return
        before = {self.images.name, self.bad_files.name}
        make_folder(self.root)
        try:
            there = {entry.name for entry in self.root.iterdir() if not entry.name.startswith(".")}
        except OSError as error:
            raise UserError(f"{self.root} cannot be read: {error.strerror}") from error
        if not there <= before:
            raise UserError(f"{self.root} exists and is not empty; choose another {argument('out')}")

    def keep(self, plan: CheckPlan) -> None:
        """Write the plan, or compare it with the plan that the folder was started with.

        Raises `UserError` if the settings or the images have changed.
        """
        keep_plan(self.plan, asdict(plan))


def predict_out_of_fold(check: CheckFolder, plan: CheckPlan, held_out: HeldOut, watcher: Watcher) -> None:
    """Train every fold's network and predict: probabilities of its held-out images, embeddings of all images.

    Finished folds are skipped and an interrupted one is resumed; probabilities of unfinished folds are zeros. Memory
    use is that of a single training, regardless of the number of images.
    """
    settings = plan.settings()
    probabilities = open_probabilities(check.root, held_out.checkable, len(held_out.class_names))
    squares = None
    for fold in held_out.used_folds:
        done = check.fold(fold) / "done.json"
        if done.exists():
            continue
        began = time.perf_counter()
        watcher.note(f"fold {held_out.used_folds.index(fold) + 1} of {len(held_out.used_folds)}")
        _train_fold(check, plan, held_out, fold, watcher)
        RunFolder(check.fold(fold) / "run").seen.unlink(missing_ok=True)  # not needed, 2.6 kB per image and fold
        shutil.rmtree(RunFolder(check.fold(fold) / "run").before, ignore_errors=True)
        predicting = time.perf_counter()
        if squares is None:
            progress = watcher.counter("checking images", len(held_out.samples))
            squares, good, _ = open_squares(held_out.samples, settings.data, progress)
            if len(good) != len(held_out.samples):
                wanted = needed_format(Path(plan.data), plan.format)
                again = call("find_label_errors", data=plan.data, format=wanted, out=check.root)
                raise UserError(
                    f"images of {plan.data} became unusable in the meantime; restore them and resume with: {again}"
                )
        predictor = RunPredictor(
            RunFolder(check.fold(fold) / "run"), calibrated=False
        )  # calibration would trust the labels
        predict_into(
            predictor,
            squares,
            probabilities=probabilities,
            embeddings=check.embeddings(fold),
            wanted=held_out.folds == fold,
            progress=watcher.counter("predicting", len(held_out.samples)),
        )
        ended = time.perf_counter()
        write_json(done, {"seconds": round(ended - began, 1), "predicting_s": round(ended - predicting, 1)})


def _train_fold(check: CheckFolder, plan: CheckPlan, held_out: HeldOut, fold: int, watcher: Watcher) -> None:
    """Train one fold's network, or resume."""
    run, watcher = check.fold(fold) / "run", _FoldWatcher(watcher)
    if (run / RUN_FILE).exists():
        resume(run, watcher)
        return
    shutil.rmtree(run, ignore_errors=True)
    images = check.fold(fold) / "images.csv"
    _write_list(images, held_out, fold)
    training = TrainRequest(
        data=images,
        recipe=plan.settings(),
        out=run,
        seed=plan.seed + fold,
        max_minutes=_minutes(check, plan, held_out),
        max_bad_fraction=1.0,
        format="csv",
        offline=plan.offline,
    )
    train(training, watcher=watcher)


class _FoldWatcher(ForwardingWatcher):
    """Drops warnings about the initial weights: the label check gives one for all folds."""

    def note(self, text: str) -> None:
        if FEW not in text:
            super().note(text)

    def warn(self, text: str) -> None:
        if not text.startswith(WARNING_PREFIX):
            super().warn(text)


def _minutes(check: CheckFolder, plan: CheckPlan, held_out: HeldOut) -> float | None:
    """Training minutes of the next fold: an equal share of the remaining time, less the time for predictions."""
    if plan.max_minutes is None:
        return None
    finished = [read_json(check.fold(fold) / "done.json") for fold in _finished(check, held_out)]
    used_s = sum(entry["seconds"] for entry in finished)
    share_s: float = (plan.max_minutes * 60 - used_s) / (len(held_out.used_folds) - len(finished))
    predicting_s: float = max((entry["predicting_s"] for entry in finished), default=PREDICTION_SHARE * share_s)
    return max(share_s - predicting_s, 0.1 * share_s, 1.0) / 60


def _finished(check: CheckFolder, held_out: HeldOut) -> list[int]:
    return [fold for fold in held_out.used_folds if (check.fold(fold) / "done.json").exists()]


def _write_list(path: Path, held_out: HeldOut, fold: int) -> None:
    """The list that a fold is trained on; its held-out images are val, so that they are evaluated but never
    trained on."""
    trains, samples = held_out.trains(fold), []
    for index, sample in enumerate(held_out.samples):
        if trains[index] or (held_out.folds[index] == fold and sample.split != "test"):
            split = "train" if trains[index] else "val"
            samples.append(Sample(sample.path, int(held_out.labels[index]), split))
    write_list(path, samples, held_out.class_names)
