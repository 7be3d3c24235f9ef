"""Compare the training step of every network on MindSpore's kernels and on oneDNN's, in interleaved rounds.

    .venv/bin/python benchmarks/kernels.py [--models NAME ...] --json kernels.json
    .venv/bin/python benchmarks/kernels.py --models resnet50 --beside EARLIER_CHECKOUT

Each network is trained in a separate process, by the worker of `throughput.py`: first a warm-up of each set of kernels,
then rounds of a few steps each, every second round in reverse order. With ``--beside``, oneDNN's kernels of another
checkout (before) are compared with those of this one. Without AVX-512, bfloat16 is left out.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from contextlib import ExitStack, closing
from pathlib import Path

from throughput import OURS, SETTINGS
from worker_pipe import Worker, WorkerError

from shelfmind.kernels.library import can_bf16
from shelfmind.model_facts import list_models

HERE = Path(__file__).parent
BEFORE = "_before"
"""Suffix of the names of results from the other checkout."""


def main() -> int:
    """Run the selected measurements. Return the exit status."""
    arguments = _arguments()
    results = {}
    for model in arguments.models:
        try:
            rounds = measure(model, arguments)
        except WorkerError as error:
            print(f"error: {model}: {error}", file=sys.stderr)
            return 2
        results[model] = rounds
        print(f"{model:<26} " + ", ".join(_shown(variant, rounds) for variant in rounds), flush=True)
        if arguments.json:
            Path(arguments.json).write_text(json.dumps({"settings": vars(arguments), "ms": results}, indent=1) + "\n")
    return 0


def measure(model: str, arguments: argparse.Namespace) -> dict[str, list[float]]:
    """Return milliseconds per step of each set of kernels in each round."""
    sizes = [str(arguments.classes), str(arguments.image_size), str(arguments.batch_size)]
    checkouts = {"": HERE.parent} if arguments.beside is None else {BEFORE: arguments.beside.resolve(), "": HERE.parent}
    left_out = set() if can_bf16() else {"onednn_bf16"}
    left_out |= set() if arguments.beside is None else {"mindspore"}
    variants = [variant for variant in OURS if variant not in left_out]
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        workers: dict[str, tuple[Worker, str]] = {}
        for suffix, checkout in checkouts.items():
            script, where = checkout / "benchmarks/mindspore_worker.py", {"PYTHONPATH": str(checkout / "src")}
            worker = stack.enter_context(closing(Worker(sys.executable, script, [model, *sizes, *variants], where)))
            worker.ask("start", path=str(Path(folder) / f"start{suffix}.npz"), **SETTINGS)
            workers |= {variant + suffix: (worker, variant) for variant in variants}
        for worker, variant in workers.values():
            worker.ask("run", task="training", variant=variant, steps=arguments.warmup)
        rounds: dict[str, list[float]] = {name: [] for name in workers}
        for number in range(arguments.rounds):
            for name in list(workers) if number % 2 == 0 else list(workers)[::-1]:
                worker, variant = workers[name]
                seconds = worker.ask("run", task="training", variant=variant, steps=arguments.steps)["seconds"]
                rounds[name].append(seconds / arguments.steps * 1000)
    return rounds


def _shown(variant: str, rounds: dict[str, list[float]]) -> str:
    text = f"{variant} {statistics.median(rounds[variant]):.0f} ms"
    rival = variant + BEFORE if variant + BEFORE in rounds else "mindspore"
    if variant == rival or rival not in rounds:
        return text
    ratios = [theirs / ours for theirs, ours in zip(rounds[rival], rounds[variant], strict=True)]
    return f"{text} ({statistics.median(ratios):.2f} times as fast, {min(ratios):.2f} to {max(ratios):.2f})"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", choices=list_models(), default=list_models())
    parser.add_argument("--image-size", type=int, default=112, help="pixels (default: %(default)s)")
    parser.add_argument("--batch-size", type=int, default=16, help="images per step (default: %(default)s)")
    parser.add_argument("--classes", type=int, default=1000, help="width of the classifier (default: %(default)s)")
    parser.add_argument("--warmup", type=int, default=30, help="untimed warm-up steps (default: %(default)s)")
    parser.add_argument("--steps", type=int, default=3, help="steps per round (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=4, help="rounds (default: %(default)s)")
    parser.add_argument(
        "--beside", type=Path, metavar="CHECKOUT", help="checkout whose kernels are compared with these"
    )
    parser.add_argument("--json", metavar="FILE", help="also write the results to this file")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
