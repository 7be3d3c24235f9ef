"""What each method gains on validation images and what it costs, side by side; what was stopped goes on.

    .venv/bin/python benchmarks/methods.py GROCERY_STORE --seeds 1 2 3 --out methods
    taskset -c 0 .venv/bin/python benchmarks/methods.py GROCERY_STORE --seeds 1 --only base longer --out methods

For each seed a plain run is trained; averaged weights, test-time views, temperature, soup and FixRes are judged on
that run, pretraining and training for longer on runs of the same seed. All share one recipe (`methods.yaml`) and one
schedule in epochs, so that a busy machine changes the seconds and not the figures. Gains are in points of validation
top-1, paired by image, each image's mean over the seeds, with a 95% bootstrap interval over images: they know the
photos' chance, and the trainings' only as far as the seeds show it. Nothing is chosen on validation: every setting is
named beforehand. With `--only` some arms are trained, perhaps beside another process that trains others; without it all
is trained that is missing, and the table is printed. Trainings run as commands of their own, whose processor time and
greatest memory is what a method costs.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import mindspore_started  # noqa: F401 - before MindSpore
import numpy as np
from command import exit_status, parser_of

from shelfmind.errors import UserError
from shelfmind.evaluation.bootstrap import hits, paired_interval
from shelfmind.evaluation.calibration import (
    cross_fitted,
    expected_calibration_error,
    fit_temperature,
    reliability_bins,
)
from shelfmind.evaluation.ensemble import average_predictions
from shelfmind.evaluation.outcomes import outcomes_of
from shelfmind.files import write_json
from shelfmind.images.squares import open_squares
from shelfmind.inference.predictor import RunPredictor
from shelfmind.models.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from shelfmind.progress import count_silently
from shelfmind.records import Predictions
from shelfmind.runs.folder import RunFolder
from shelfmind.runs.known_data import open_known
from shelfmind.workflows.evaluate import predict_split

RECIPE = Path(__file__).with_name("methods.yaml")
SIZES = (96, 112)
STUDENT = ("--set", "model.arguments={widths: [16, 32, 64, 128]}")
VIEWS = (("flip",), ("flip", "centre"), ("flip", "scale"), ("flip", "crops"), ("flip", "colour"))
COPIED = ("recipe", "classes", "split", "provenance")

Words = list[str]


class Bench:
    """The folder of runs, and how a run is made there by the command line."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.data, self.out, self.teacher = arguments.data, arguments.out, arguments.teacher
        self.epochs, self.student_epochs = arguments.epochs, arguments.student_epochs
        self.self_supervised_epochs = arguments.self_supervised_epochs

    def run(self, name: str, *words: str | Path, verb: str = "train", done: str = "metrics.json") -> Path:
        """Run a verb into the folder `name` unless it is done, or go on with it; keeps what it cost."""
        folder = self.out / name
        if (folder / done).exists():
            return folder
        began_before = verb in ("train", "pretrain") and (folder / "recipe.yaml").exists()
        if not began_before:
            shutil.rmtree(folder, ignore_errors=True)
        tail = ["--resume", str(folder)] if began_before else [*map(str, words), "--out", str(folder)]
        print(f"{name}: {verb}", flush=True)
        began = time.perf_counter()
        process = subprocess.Popen(
            [str(Path(sys.executable).with_name("shelfmind")), verb, *tail],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        assert process.stderr is not None
        said = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        if os.waitstatus_to_exitcode(status):
            raise UserError(f"{name} failed: {said.decode(errors='replace')[-500:]}")
        cost = {
            "seconds": round(time.perf_counter() - began, 1),
            "processor_s": round(usage.ru_utime + usage.ru_stime, 1),
            "memory_mib": round(usage.ru_maxrss / 1024),
            "cores": len(os.sched_getaffinity(0)),
        }
        if not began_before:
            write_json(self.out / "costs" / f"{name}.json", cost)
        print(f"{name}: {cost}", flush=True)
        return folder

    def trained(self, name: str, seed: int, *words: str | Path, epochs: int | None = None) -> Path:
        """A training of one arm and seed."""
        return self.run(
            f"{name}-{seed}", self.data, "--recipe", RECIPE, "--seed", str(seed),
            "--epochs", str(epochs or self.epochs), *words,
        )  # fmt: skip

    def base(self, seed: int) -> Path:
        """The plain run."""
        return self.trained("base", seed)

    def longer(self, seed: int) -> Path:
        """The plain run with twice the epochs: what pretraining's time buys without it."""
        return self.trained("longer", seed, epochs=2 * self.epochs)

    def broader(self, seed: int) -> Path:
        """From a run that learnt the data's 43 coarse classes in as many epochs."""
        words: Words = ["--broader", str(self.data / "classes.csv"), "--recipe", str(RECIPE), "--seed", str(seed)]
        words += ["--epochs", str(self.epochs)]
        start = self.run(f"coarse-{seed}", self.data, *words, verb="pretrain", done="readout.json")
        return self.trained("broader", seed, "--init", start)

    def self_supervised(self, seed: int) -> Path:
        """From SimSiam without labels, at the plain run's first size; one pretraining for all seeds."""
        words: Words = ["--epochs", str(self.self_supervised_epochs), "--seed", "1"]
        for setting in ("data.image_size=64", "data.evaluation_size=80", "data.resize_to=96", "train.stages=[]"):
            words += ["--set", setting]
        start = self.run("simsiam", self.data, *words, verb="pretrain", done="readout.json")
        return self.trained("self_supervised", seed, "--init", start)

    def one_size(self, seed: int) -> Path:
        """At the last image size throughout, in as much time: epochs fewer in proportion to the pixels."""
        pixels = 0.6 * (64 / 80) ** 2 + 0.4
        return self.trained("one_size", seed, "--set", "train.stages=[]", epochs=round(self.epochs * pixels))

    def small_batch(self, seed: int) -> Path:
        """Batches of 8, the rate in proportion."""
        return self.trained("small_batch", seed, "--set", "train.batch_size=8", "--set", "train.lr_batch_size=32")

    def large_batch(self, seed: int) -> Path:
        """Batches of 128 of which 32 images are worked on at once, the rate in proportion."""
        words = ("train.batch_size=128", "train.lr_batch_size=32", "train.micro_batch_size=32")
        return self.trained("large_batch", seed, *(part for word in words for part in ("--set", word)))

    def onednn(self, seed: int) -> Path:
        """The plain run in fp32 on oneDNN's kernels, whatever the plain run took."""
        return self.trained("onednn", seed, "--set", "train.kernels=onednn", "--set", "train.amp=off")

    def bf16(self, seed: int) -> Path:
        """The plain run in bf16 on oneDNN's kernels."""
        return self.trained("bf16", seed, "--set", "train.kernels=onednn", "--set", "train.amp=on")

    def student(self, seed: int) -> Path:
        """Half as wide as the plain run."""
        return self.trained("student", seed, *STUDENT, epochs=self.student_epochs)

    def taught(self, seed: int) -> Path:
        """The student with the answers of `--teacher`, in as many epochs."""
        if self.teacher is None:
            raise UserError("a student is taught by a trained run: give --teacher")
        return self.trained("taught", seed, *STUDENT, "--teacher", self.teacher, epochs=self.student_epochs)

    def student_longer(self, seed: int) -> Path:
        """The student without a teacher, in about the time that being taught takes: twice the epochs."""
        return self.trained("student_longer", seed, *STUDENT, epochs=2 * self.student_epochs)

    def soup(self, seed: int) -> Path:
        """The plain average of the last four epochs' averaged weights; greedy choice on validation would flatter."""
        return self.run(f"soup-{seed}", self.base(seed), "--kind", "uniform", verb="soup", done="soup.json")

    def fixres(self, seed: int) -> None:
        """FixRes at each size on its own, so that none is chosen."""
        source = self.base(seed)
        for size in SIZES:
            name = f"fixres{size}-{seed}"
            report = self.out / f"{name}.json"
            if not report.exists():  # a size that is not better leaves no run
                self.run(name, source, "--resolutions", str(size), "--json", report, verb="fixres")


ARMS: dict[str, Callable[[Bench, int], Any]] = {
    "base": Bench.base,
    "longer": Bench.longer,
    "broader": Bench.broader,
    "self_supervised": Bench.self_supervised,
    "one_size": Bench.one_size,
    "small_batch": Bench.small_batch,
    "large_batch": Bench.large_batch,
    "onednn": Bench.onednn,
    "bf16": Bench.bf16,
    "student": Bench.student,
    "taught": Bench.taught,
    "student_longer": Bench.student_longer,
    "soup": Bench.soup,
    "fixres": Bench.fixres,
}
IN_TABLE = ("soup", *(f"fixres{size}" for size in SIZES), *[name for name in ARMS if name not in ("soup", "fixres")])

PAIRS = (
    ("broader", "longer"),
    ("self_supervised", "longer"),
    ("bf16", "onednn"),
    ("taught", "student"),
    ("taught", "student_longer"),
)


def unaveraged(run: Path) -> Path:
    """A run like this one that offers the last weights themselves instead of their average over the steps."""
    folder = run.with_name(f"{run.name}-unaveraged")
    source, target = RunFolder(run), RunFolder(folder)
    if target.weights.exists():
        return folder
    folder.mkdir(exist_ok=True)
    for name in COPIED:
        shutil.copyfile(getattr(source, name), getattr(target, name))
    state, offered = load_checkpoint(source.state), load_checkpoint(source.weights)
    arrays = {name: state.arrays[f"model/{name}"] for name in offered.arrays}
    save_checkpoint(target.last, Checkpoint(arrays, offered.kind))
    target.offer(target.last)
    return folder


def predicted(run: Path, data: Path, tta: Sequence[str] = ()) -> Predictions:
    """Validation predictions of a run, kept ones where there are."""
    predictor = RunPredictor(RunFolder(run), tta, calibrated=False)
    folder = run / "evaluation" / "val"
    folder.mkdir(parents=True, exist_ok=True)
    catalog = open_known([predictor.run], data, None, count_silently).catalog
    return predict_split(predictor, catalog, "val", 0.01, folder, count_silently)


def compared(name: str, before: Sequence[Predictions], after: Sequence[Predictions]) -> dict[str, Any]:
    """Top-1 before and after over all seeds and the gain paired by image, with each seed's own gain."""
    difference = [hits(b) - hits(a) for a, b in zip(before, after, strict=True)]
    low, high = paired_interval(np.mean(difference, axis=0))
    return {
        "method": name,
        "seeds": len(difference),
        "before": float(np.mean([hits(each).mean() for each in before])),
        "after": float(np.mean([hits(each).mean() for each in after])),
        "gain": float(np.mean(difference)),
        "gain_ci95": [low, high],
        "gain_by_seed": [float(each.mean()) for each in difference],
    }


def table(bench: Bench, seeds: Sequence[int]) -> list[dict[str, Any]]:
    """All comparisons of what is trained."""
    data = bench.data
    plain = {seed: predicted(bench.base(seed), data) for seed in seeds}
    every = list(plain.values())
    rows = [compared("averaged weights (EMA)", [predicted(unaveraged(bench.base(s)), data) for s in seeds], every)]
    alone = speed(bench.base(seeds[0]), data, ())
    for views in VIEWS:
        row = compared(f"views {'+'.join(views)}", every, [predicted(bench.base(seed), data, views) for seed in seeds])
        rows.append(row | {"time": alone / speed(bench.base(seeds[0]), data, views)})
    for name in IN_TABLE:
        trained = [seed for seed in seeds if (bench.out / f"{name}-{seed}" / "weights.ckpt").exists()]
        if name != "base" and trained:
            after = [predicted(bench.out / f"{name}-{seed}", data) for seed in trained]
            rows.append(compared(name, [plain[seed] for seed in trained], after) | cost(bench, name, trained))
    for name, other in PAIRS:
        both = [s for s in seeds if all((bench.out / f"{n}-{s}" / "metrics.json").exists() for n in (name, other))]
        if both:
            before, after = ([predicted(bench.out / f"{n}-{s}", data) for s in both] for n in (other, name))
            rows.append(compared(f"{name} instead of {other}", before, after))
    if len(seeds) > 1:
        together = average_predictions(every, np.full(len(every), 1 / len(every)))
        rows.append(compared(f"{len(every)} runs together", every, [together] * len(every)))
    return [*rows, calibrated(every), {"method": "base", **cost(bench, "base", seeds)}]


def calibrated(runs: Sequence[Predictions]) -> dict[str, Any]:
    """A temperature fitted to one half of the images, judged on the other: negative log likelihood of the truth and
    calibration error, both with the 95% bootstrap interval of the difference."""
    scaled = [cross_fitted(each, folds=2) for each in runs]

    def likelihood(each: Predictions) -> np.ndarray:
        return -np.log(np.maximum(each.probabilities[np.arange(len(each)), each.labels], 1e-12))

    def error(each: Predictions, rows: np.ndarray) -> float:
        part = Predictions(
            tuple(np.array(each.paths)[rows]),
            each.labels[rows],
            each.probabilities[rows],
            each.embeddings[rows],
            each.class_names,
        )
        return expected_calibration_error(reliability_bins(outcomes_of(part)))

    gain = np.mean([likelihood(b) - likelihood(a) for a, b in zip(scaled, runs, strict=True)], axis=0)
    rng, count, every = np.random.default_rng(0), len(runs[0]), np.arange(len(runs[0]))
    drawn = [rng.integers(count, size=count) for _ in range(500)]
    errors = [np.mean([error(b, rows) - error(a, rows) for a, b in zip(scaled, runs, strict=True)]) for rows in drawn]
    return {
        "method": "temperature",
        "seeds": len(runs),
        "temperatures": [fit_temperature(each) for each in runs],
        "nll": [float(np.mean([likelihood(each).mean() for each in group])) for group in (runs, scaled)],
        "nll_gain_ci95": list(paired_interval(gain)),
        "ece": [float(np.mean([error(each, every) for each in group])) for group in (runs, scaled)],
        "ece_gain_ci95": [float(value) for value in np.quantile(errors, [0.025, 0.975])],
    }


def speed(run: Path, data: Path, tta: Sequence[str]) -> float:
    """Images a second of the second pass over the validation images, from decoded squares."""
    predictor = RunPredictor(RunFolder(run), tta, calibrated=False)
    samples = open_known([predictor.run], data, None, count_silently).catalog.split("val")
    squares, good, _ = open_squares(samples, predictor.recipe.data, lambda _: None)
    return max(len(good) / predictor.predict_squares(squares, good).seconds for _ in range(2))


def cost(bench: Bench, name: str, seeds: Sequence[int]) -> dict[str, Any]:
    """Mean seconds and processor seconds and the greatest memory of an arm's commands, as far as undisturbed."""
    files = [bench.out / "costs" / f"{name}-{seed}.json" for seed in seeds]
    known = [json.loads(file.read_text(encoding="utf-8")) for file in files if file.exists()]
    if not known:
        return {}
    means = {key: round(float(np.mean([each[key] for each in known])), 1) for key in ("seconds", "processor_s")}
    return {**means, "memory_mib": max(each["memory_mib"] for each in known)}


def main() -> int:
    """Train what is asked for; without `--only`, also print the table. Returns the exit status."""
    arguments = _arguments()
    bench = Bench(arguments)

    def work() -> None:
        (arguments.out / "costs").mkdir(parents=True, exist_ok=True)
        for name in arguments.only or ("base", "longer", "broader", "self_supervised", "one_size", "soup", "fixres"):
            for seed in arguments.seeds:
                ARMS[name](bench, seed)
        if not arguments.only:
            rows = table(bench, arguments.seeds)
            write_json(arguments.out / "table.json", rows)
            print("\n".join(json.dumps(row) for row in rows))

    return exit_status(work)


def _arguments() -> argparse.Namespace:
    parser = parser_of(__doc__)
    parser.add_argument("data", type=Path, help="Grocery Store, whose classes.csv names coarse classes")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3], help="(default: %(default)s)")
    parser.add_argument("--only", nargs="+", choices=ARMS, help="train these arms and print no table")
    parser.add_argument("--epochs", type=int, default=12, help="of the plain run (default: %(default)s)")
    parser.add_argument("--self-supervised-epochs", type=int, default=30, help="(default: %(default)s)")
    parser.add_argument("--student-epochs", type=int, default=60, help="(default: %(default)s)")
    parser.add_argument("--teacher", type=Path, help="run or exported file that teaches the student")
    parser.add_argument("--out", type=Path, required=True, help="folder for runs and figures")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
