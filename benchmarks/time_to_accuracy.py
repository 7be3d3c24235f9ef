"""Train a recipe's network in PyTorch on shelfmind's own batches, and compare the time to reach an accuracy.

    .venv/bin/python benchmarks/time_to_accuracy.py GROCERY_STORE --torch-python TORCH_ENV/bin/python --out FOLDER
    .venv/bin/python benchmarks/time_to_accuracy.py --table FOLDER RUN... --steps throughput_64.json ...

PyTorch gets the same as a run with the same recipe and seed: initial weights, augmented and mixed batches, learning
rate, averaging and validation photos; the step is that of `throughput.py`. An interrupted run resumes after the last
complete epoch. The table combines the epochs that each needed (for shelfmind's runs from their logs) with the step
times measured by `throughput.py`, which measures all of them in turn on an idle machine: training runs of half an hour
on a shared machine are not comparable. Loading batches costs everyone the same and is left out.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import mindspore_started  # noqa: F401 - before MindSpore
import numpy as np
from command import exit_status, parser_of
from mindspore_worker import takes_nesterovs_step
from worker_pipe import Worker

from shelfmind.arrays import Floats
from shelfmind.data import open_catalog
from shelfmind.errors import UserError
from shelfmind.files import write_json
from shelfmind.images.loader import TrainingBatches
from shelfmind.images.preparation import Normalisation
from shelfmind.images.rescaling import rescaled
from shelfmind.images.squares import Squares, open_squares
from shelfmind.models import create_model
from shelfmind.recipe import Recipe, load_recipe
from shelfmind.training.clock import EpochClock, EpochPlan
from shelfmind.training.schedule import averaging_decay, end_of_epoch, learning_rate, stage_at, validation_size

REACHED = (0.5, 0.6, 0.7)
LOG, SETTINGS = "log.json", "settings.json"
Log = list[dict[str, Any]]


class TorchTraining:
    """A training run of a recipe whose steps and predictions are computed by PyTorch."""

    def __init__(
        self, data: Path, recipe: Recipe, seed: int, variant: str, python: str, folder: Path, passed: Path
    ) -> None:
        """Initialise; `passed` is the file that passes batches to the worker."""
        catalog = open_catalog(data, seed=seed)
        classes = len(catalog.class_names)
        train, train_samples, _ = open_squares(catalog.split("train"), recipe.data, lambda _: None)
        self.val, val_samples, _ = open_squares(catalog.split("val"), recipe.data, lambda _: None)
        self.labels = np.array([sample.label for sample in val_samples])
        labels = np.array([sample.label for sample in train_samples], np.int64)
        self.recipe, self.folder, self.passed = recipe, folder, passed
        self.batches = TrainingBatches(train, labels, classes, recipe, seed)
        settings = {"recipe": json.loads(recipe.model_dump_json()), "seed": seed, "variant": variant}
        self.log = _begun(folder, settings)
        self.worker = Worker(
            python, Path(__file__).with_name("torch_training.py"), [recipe.model.name, str(classes), variant], {}
        )
        weights = create_model(recipe.model.name, classes, seed, **recipe.model.arguments).get_parameters()
        np.savez(self.passed, **{each.name: each.asnumpy() for each in weights})
        decay = recipe.train.weight_decay
        self.worker.ask("start", path=str(self.passed), weight_decay=decay, nesterov=takes_nesterovs_step())
        if self.log:
            self.worker.ask("load", path=str(self.state(len(self.log) - 1)))

    def state(self, epoch: int) -> Path:
        """Return the file of PyTorch's weights and momentum after an epoch."""
        return self.folder / f"state-{epoch}.pt"

    def run(self) -> None:
        """Train the remaining epochs."""
        clock = EpochClock(self.recipe.train.epochs, self.batches.steps_per_epoch, partial(end_of_epoch, self.recipe))
        progress = self.log[-1]["progress"] if self.log else 0.0
        while progress < 1.0:
            epoch = len(self.log)
            plan = clock.plan(epoch, progress)
            progress = plan.end
            step_s = self.epoch(plan)
            stage = stage_at(self.recipe, plan.start)
            top1 = self.validate(validation_size(self.recipe, stage))
            self.worker.ask("save", path=str(self.state(epoch)))
            found = {"epoch": epoch, "progress": progress, "steps": plan.steps, "image_size": stage.image_size}
            self.log.append({**found, "val_top1": top1, "step_s": step_s})
            write_json(self.folder / LOG, self.log)
            self.state(epoch - 1).unlink(missing_ok=True)
            print(f"epoch {epoch}  {stage.image_size} px  val {100 * top1:.1f}%  {1000 * step_s:.0f} ms", flush=True)

    def epoch(self, plan: EpochPlan) -> float:
        """Run the steps of an epoch. Return the median of their seconds."""
        train, mixing = self.recipe.train, self.recipe.mixing
        size, seconds = stage_at(self.recipe, plan.start).image_size, []
        done = sum(each["steps"] for each in self.log)
        passed, start = divmod(done, self.batches.steps_per_epoch)
        batches = self.batches.segment(passed, start, start + plan.steps, size, plan.start < mixing.until)
        for at, (images, targets) in enumerate(batches):
            np.savez(self.passed, images=images, targets=targets)
            answer = self.worker.ask(
                "step",
                path=str(self.passed),
                lr=learning_rate(train, plan.moment_of(at)),
                smoothing=self.recipe.loss.label_smoothing,
                decay=averaging_decay(train, done + at),
            )
            seconds.append(answer["seconds"])
        return float(np.median(seconds))

    def validate(self, size: int) -> float:
        """Return top-1 of the averaged weights."""
        np.savez(self.passed, images=network_input(self.val, self.recipe, size))
        found = self.worker.ask("answer", path=str(self.passed))["classes"]
        return float((np.array(found) == self.labels).mean())


def _begun(folder: Path, settings: dict[str, Any]) -> Log:
    """Return the epochs of a training run started in a folder. Raises `UserError` if its settings differ."""
    kept = folder / SETTINGS
    if kept.exists() and json.loads(kept.read_text()) != settings:
        raise UserError(f"{folder} contains a training run with other settings; choose another --out")
    write_json(kept, settings)
    log = folder / LOG
    return json.loads(log.read_text()) if log.exists() else []


def network_input(squares: Squares, recipe: Recipe, size: int) -> Floats:
    """Return the network's input for squares, (N, 3, size, size)."""
    resized = [rescaled(np.asarray(squares[index]), size) for index in range(len(squares))]
    return Normalisation(recipe.data)(np.stack(resized))


def main() -> None:
    """Train, or print the table of training runs."""
    arguments = _arguments()
    if arguments.table:
        print(table(arguments.table, arguments.steps))
        return
    arguments.out.mkdir(parents=True, exist_ok=True)
    recipe = load_recipe(arguments.recipe, [f"train.epochs={arguments.epochs}"])
    with tempfile.TemporaryDirectory() as folder:
        given = arguments.data, recipe, arguments.seed, arguments.variant, arguments.torch_python, arguments.out
        training = TorchTraining(*given, Path(folder) / "batch.npz")
        with closing(training.worker):
            training.run()


def table(runs: list[Path], timed: list[Path]) -> str:
    """Return epochs and minutes of steps until each accuracy is first passed, as Markdown."""
    step_s = _step_seconds(timed)
    variants = sorted({variant for by_variant in step_s.values() for variant in by_variant})
    head = ["training", "best", *(f"epochs to {100 * share:.0f}%" for share in REACHED)]
    head += [f"minutes to {100 * share:.0f}%, {variant}" for variant in variants for share in REACHED[1:]]
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    for run in runs:
        log = _log(run)
        epochs = [next((at + 1 for at, each in enumerate(log) if each["val_top1"] >= share), None) for share in REACHED]
        cells = [run.name, f"{100 * max(each['val_top1'] for each in log):.1f}", *(str(each or "-") for each in epochs)]
        for variant in variants:
            for end in epochs[1:]:
                spent = sum(each["steps"] * step_s[each["image_size"]][variant] for each in log[: end or 0])
                cells.append(f"{spent / 60:.1f}" if end else "-")
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _log(run: Path) -> Log:
    own = run / LOG
    if own.exists():
        return list(json.loads(own.read_text()))
    return [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]


def _step_seconds(timed: list[Path]) -> dict[int, dict[str, float]]:
    """Return step times by image size and variant."""
    found: dict[int, dict[str, float]] = {}
    for path in timed:
        content = json.loads(path.read_text())
        settings = content.pop("settings")
        for measured in content.values():
            rates = measured["training"]["images_per_second"]
            seconds = {name: settings["batch_size"] / float(np.median(rounds)) for name, rounds in rates.items()}
            found[settings["image_size"]] = seconds
    return found


def _arguments() -> argparse.Namespace:
    parser = parser_of(__doc__)
    parser.add_argument("data", type=Path, nargs="?", help="the Grocery Store data set")
    parser.add_argument("--recipe", default="grocery_cpu", help="(default: %(default)s)")
    parser.add_argument("--epochs", type=int, default=81, help="(default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--variant", default="torch_bf16", choices=("contiguous", "channels_last", "torch_bf16"))
    parser.add_argument("--torch-python", help="Python interpreter of an environment with torch and numpy")
    parser.add_argument("--out", type=Path, metavar="FOLDER")
    parser.add_argument("--table", type=Path, nargs="+", metavar="RUN", help="folders written by this script, and runs")
    parser.add_argument("--steps", type=Path, nargs="+", default=[], metavar="FILE", help="results of throughput.py")
    arguments = parser.parse_args()
    if not arguments.table and not (arguments.data and arguments.torch_python and arguments.out):
        parser.error("a training run needs the data, --torch-python and --out")
    return arguments


if __name__ == "__main__":
    sys.exit(exit_status(main))
