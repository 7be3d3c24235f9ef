"""Predictions of every image by a network that never saw it: folds that are trained one after the other."""

from __future__ import annotations

import shutil
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from shelfmind.analysis.label_errors.held_out import HeldOut
from shelfmind.data.list_file import write_list
from shelfmind.errors import UserError, argument, call
from shelfmind.files import make_folder, write_json
from shelfmind.images.squares import open_squares
from shelfmind.inference.predict_arrays import open_array, predict_into
from shelfmind.inference.predictor import RunPredictor
from shelfmind.recipe import Recipe, parse_recipe
from shelfmind.records import Sample
from shelfmind.requests.label_checking import PLAN_FILE
from shelfmind.requests.shared import RUN_FILE
from shelfmind.requests.training import TrainRequest
from shelfmind.runs.first_weights import BEGINS
from shelfmind.runs.folder import RunFolder, read_json
from shelfmind.runs.plans import keep_plan
from shelfmind.training.run import resume, train
from shelfmind.training.watching import ForwardingWatcher, Watcher

PREDICTION_SHARE = 0.1
"""Share of its minutes that the first fold leaves for predictions; the others know how long they took there."""


@dataclass(frozen=True)
class CheckPlan:
    """What decides the outcome of a label check; a folder that was begun with another plan is not gone on with."""

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
    """Names of the files of a label check; `root` is the folder."""

    root: Path

    @property
    def plan(self) -> Path:
        """What the check was begun with."""
        return self.root / PLAN_FILE

    @property
    def images(self) -> Path:
        """The order of the images in every array."""
        return self.root / "images.csv"

    @property
    def unseen(self) -> Path:
        """Of which judged images the weights that the networks begin with did not learn the label, Booleans."""
        return self.root / "unseen.npy"

    @property
    def bad_files(self) -> Path:
        """Files that could not be used, with reasons."""
        return self.root / "bad_files.csv"

    @property
    def probabilities(self) -> Path:
        """Out-of-fold probabilities of the judged images, 32-bit, (images, classes)."""
        return self.root / "probabilities.npy"

    def fold(self, fold: int) -> Path:
        """The folder of one fold: its list of images, its run, its embeddings and, when all is done, `done.json`."""
        return self.root / "folds" / str(fold)

    def embeddings(self, fold: int) -> Path:
        """Embeddings of all images by the network of one fold, 16-bit, (images, width)."""
        return self.fold(fold) / "embeddings.npy"

    def open(self) -> None:
        """Make the folder, or accept one in which a check was begun.

        Raises `UserError` if something else is there, or it cannot be made.
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
        """Write the plan, or compare it with the one that the folder was begun with.

        Raises `UserError` if the settings or the images have changed since.
        """
        keep_plan(self.plan, asdict(plan))


def predict_out_of_fold(check: CheckFolder, plan: CheckPlan, held_out: HeldOut, watcher: Watcher) -> None:
    """Train every fold's network and let it predict: probabilities of its held-out images, embeddings of all images.

    A fold that is finished is not done again, one that was interrupted goes on; probabilities of unfinished folds are
    zeros. Memory is that of one training, however many images there are.
    """
    settings = plan.settings()
    shape = (held_out.judged, len(held_out.class_names))
    probabilities = open_array(check.probabilities, shape, np.float32)
    squares = None
    for fold in held_out.used_folds:
        done = check.fold(fold) / "done.json"
        if done.exists():
            continue
        began = time.perf_counter()
        watcher.note(f"fold {held_out.used_folds.index(fold) + 1} of {len(held_out.used_folds)}")
        _train_fold(check, plan, held_out, fold, watcher)
        RunFolder(check.fold(fold) / "run").seen.unlink(missing_ok=True)  # 2.6 kB an image and fold, for nothing
        shutil.rmtree(RunFolder(check.fold(fold) / "run").before, ignore_errors=True)
        predicting = time.perf_counter()
        if squares is None:
            progress = watcher.counter("checking images", len(held_out.samples))
            squares, good, _ = open_squares(held_out.samples, settings.data, progress)
            if len(good) != len(held_out.samples):
                again = call("find_label_errors", data=plan.data, out=check.root)
                raise UserError(
                    f"images of {plan.data} became unusable in the meantime; restore them and resume with: {again}"
                )
        predictor = RunPredictor(RunFolder(check.fold(fold) / "run"), calibrated=False)  # labels are what is in doubt
        predict_into(
            predictor,
            squares,
            probabilities=probabilities,
            embeddings=check.embeddings(fold),
            wanted=held_out.folds == fold,
            progress=watcher.counter("predicting", len(held_out.samples)),
        )
        probabilities.flush()
        ended = time.perf_counter()
        write_json(done, {"seconds": round(ended - began, 1), "predicting_s": round(ended - predicting, 1)})


def _train_fold(check: CheckFolder, plan: CheckPlan, held_out: HeldOut, fold: int, watcher: Watcher) -> None:
    """Train one fold's network, or go on with it."""
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
    """Leaves out what the weights that a fold begins with have seen: the label check says it once, for all folds."""

    def warn(self, text: str) -> None:
        if not text.startswith(BEGINS):
            super().warn(text)


def _minutes(check: CheckFolder, plan: CheckPlan, held_out: HeldOut) -> float | None:
    """Minutes for the training of the next fold: an equal share of what is left, less what predictions take."""
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
    """The list that a fold is trained on; its held-out images are val, so that they are measured but never learnt."""
    trains, samples = held_out.trains(fold), []
    for index, sample in enumerate(held_out.samples):
        if trains[index] or (held_out.folds[index] == fold and sample.split != "test"):
            split = "train" if trains[index] else "val"
            samples.append(Sample(sample.path, int(held_out.labels[index]), split))
    write_list(path, samples, held_out.class_names)
