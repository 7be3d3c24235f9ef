"""Measure training steps against the number of classes: all classes in every step, and samples of them.

    .venv/bin/python benchmarks/many_classes.py --rounds 2 --json many_classes.json

Every pair of classes and share of them (loss.sampled_classes) is trained in a process of its own, in interleaved
rounds, on drawn squares: one per class of a batch. A step includes loading, augmentation, the rows of the sample and
the update. Prints the median time of a step and its CPU time, for machines that are not idle; what each epoch adds
(averages of all rows, validation of 256 images, a checkpoint); and peak resident memory of the steps and in total.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from command import exit_status, parser_of

from shelfmind.errors import UserError
from shelfmind.files import write_json

CLASSES, SHARES = (1_000, 10_000, 100_000), (1.0, 0.1, 0.01)
BATCH, SIZE, VALIDATED = 64, 40, 256
WARM_STEPS, TIMED_STEPS = 4, 10
Figures = dict[str, Any]


def measure(classes: int, sampled: int, classifier: str) -> Figures:
    """Time steps, and what each epoch adds, in this process."""
    from shelfmind.machine.device import start_mindspore

    start_mindspore()
    from synthetic_squares import synthetic_squares

    from shelfmind.recipe import parse_recipe
    from shelfmind.records import Sample
    from shelfmind.runs.folder import RunFolder
    from shelfmind.training.build import Images, build_training
    from shelfmind.training.loop import update, validation_figures
    from shelfmind.training.run import choose_kernels
    from shelfmind.training.state import Position

    content = {
        "data": {"image_size": SIZE, "resize_to": SIZE, "mean": (0.5,) * 3, "std": (0.25,) * 3},
        "model": {"arguments": {"widths": [16, 32, 64, 256], "classifier": classifier}},
        "loss": {"sampled_classes": None if sampled == classes else sampled},
        "augment": ["horizontal_flip"],
        "train": {"batch_size": BATCH, "epochs": 1},
        "evaluation": {"batch_size": BATCH},
    }
    recipe = parse_recipe(content, "benchmark")
    count = (WARM_STEPS + TIMED_STEPS) * BATCH
    squares = synthetic_squares(count, SIZE, 0)
    labels = np.random.default_rng(0).integers(0, classes, count)
    samples = [Sample(Path(f"{row}.png"), int(label), "train") for row, label in enumerate(labels)]
    images = Images(squares, samples, squares[:VALIDATED], samples[:VALIDATED], [])
    with tempfile.TemporaryDirectory() as folder:
        run, began = RunFolder(Path(folder)), time.perf_counter()
        choice = choose_kernels(recipe)
        training = build_training(run, recipe, images, classes, 0, None, began, None, choice)
        built = time.perf_counter() - began
        seconds, cpu_seconds, began, worked = [], [], time.perf_counter(), time.process_time()
        for images_of_step, targets in training.batches.segment(0, 0, WARM_STEPS + TIMED_STEPS, SIZE, False):
            float(update(training, images_of_step, targets, 0.99, 0.5).asnumpy())
            training.position.step_in_epoch += 1
            seconds.append(time.perf_counter() - began)
            cpu_seconds.append(time.process_time() - worked)
            began, worked = time.perf_counter(), time.process_time()
        stepped = peak_mib()
        if training.table is not None:
            training.table.finish()
        finished = time.perf_counter()
        validation_figures(training, SIZE)
        validated = time.perf_counter()
        training.tensors.save(run, training.kind, Position())
        saved = time.perf_counter()
    return {
        "built_s": built,
        "step_ms": [1000 * each for each in seconds[WARM_STEPS:]],
        "cpu_ms": [1000 * each for each in cpu_seconds[WARM_STEPS:]],
        "averages_s": finished - began,
        "validation_s": validated - finished,
        "checkpoint_s": saved - validated,
        "stepping_mib": stepped,
        "peak_mib": peak_mib(),
        "kernels": choice.name,
    }


def peak_mib() -> float:
    """Peak resident memory of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def in_own_process(classes: int, sampled: int, classifier: str) -> Figures:
    """`measure` in a fresh process, so that its peak memory is its own."""
    command = [sys.executable, str(Path(__file__).resolve()), "--measured", str(classes), str(sampled), classifier]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise UserError(f"{classes:,} classes: {(done.stderr.strip().splitlines() or ['no output'])[-1]}")
    return dict(json.loads(done.stdout.splitlines()[-1]))


def main() -> None:
    """Run all measurements and print a table."""
    arguments = _arguments()
    rows = [(c, round(c * share)) for c in arguments.classes for share in SHARES if share == 1 or c * share >= BATCH]
    found: dict[tuple[int, int], list[Figures]] = {row: [] for row in rows}
    for _ in range(arguments.rounds):
        for row in rows:
            found[row].append(in_own_process(*row, arguments.classifier))
            print(_line(row, found[row][-1:]), flush=True)
    print("\nclasses, classes per step; ms per step; CPU ms per step;")
    print("s per epoch for averages, validation, checkpoint; peak MiB of steps, in total")
    for row, rounds in found.items():
        print(_line(row, rounds))
    if arguments.json:
        named = {f"{classes}/{sampled}": rounds for (classes, sampled), rounds in found.items()}
        write_json(Path(arguments.json), {"settings": vars(arguments), "rounds": named})


def _line(row: tuple[int, int], rounds: list[Figures]) -> str:
    steps = [statistics.median(each["step_ms"]) for each in rounds]
    spread = f"{statistics.median(steps):8.0f} ({min(steps):.0f} to {max(steps):.0f})"
    cpu = statistics.median(statistics.median(each["cpu_ms"]) for each in rounds)
    others = [statistics.median(each[key] for each in rounds) for key in ("averages_s", "validation_s", "checkpoint_s")]
    memory = [max(each[key] for each in rounds) for key in ("stepping_mib", "peak_mib")]
    seconds = "  ".join(f"{each:6.2f}" for each in others)
    return f"{row[0]:9,} {row[1]:9,} {spread:>24} {cpu:6.0f}   {seconds}   {memory[0]:7.0f} {memory[1]:7.0f}"


def _arguments() -> argparse.Namespace:
    parser = parser_of(__doc__)
    parser.add_argument("--classes", type=int, nargs="+", default=CLASSES, help="default: 1000 10000 100000")
    parser.add_argument("--classifier", default="linear", help="linear, cosine or sub_centres (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=2, help="interleaved rounds (default: %(default)s)")
    parser.add_argument("--json", metavar="FILE", help="also write the results to this file")
    parser.add_argument("--quick", action="store_true", help="smoke test: 1,000 classes, one round")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.classes, arguments.rounds = [1_000], 1
    return arguments


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measured"]:
        print(json.dumps(measure(int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])))
    else:
        sys.exit(exit_status(main))
