"""Measures a training step of every network of ours on MindSpore's own kernels and on oneDNN's, in interleaved rounds.

    .venv/bin/python benchmarks/kernels.py [--models NAME ...] --json kernels.json

Each network is trained in a process of its own, by the worker of `throughput.py`: first the warm-up of each set of
kernels, then rounds of a few steps of each, every second round in the opposite order.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from contextlib import closing
from pathlib import Path

from throughput import OURS, SETTINGS
from worker_pipe import Worker, WorkerError

from shelfmind.model_facts import list_models

HERE = Path(__file__).parent


def main() -> int:
    """Measure what the command line asks for; returns the exit status."""
    arguments = _arguments()
    results = {}
    for model in arguments.models:
        try:
            rounds = measure(model, arguments)
        except WorkerError as error:
            print(f"error: {model}: {error}", file=sys.stderr)
            return 2
        results[model] = rounds
        print(f"{model:<26} " + ", ".join(_shown(variant, rounds) for variant in OURS), flush=True)
        if arguments.json:
            Path(arguments.json).write_text(json.dumps({"settings": vars(arguments), "ms": results}, indent=1) + "\n")
    return 0


def measure(model: str, arguments: argparse.Namespace) -> dict[str, list[float]]:
    """Milliseconds a step of each set of kernels in each round."""
    sizes = [str(arguments.classes), str(arguments.image_size), str(arguments.batch_size)]
    rounds: dict[str, list[float]] = {variant: [] for variant in OURS}
    with (
        tempfile.TemporaryDirectory() as folder,
        closing(Worker(sys.executable, HERE / "mindspore_worker.py", [model, *sizes, *OURS], {})) as worker,
    ):
        worker.ask("start", path=str(Path(folder) / "start.npz"), **SETTINGS)
        for variant in OURS:
            worker.ask("run", task="training", variant=variant, steps=arguments.warmup)
        for number in range(arguments.rounds):
            for variant in OURS if number % 2 == 0 else OURS[::-1]:
                seconds = worker.ask("run", task="training", variant=variant, steps=arguments.steps)["seconds"]
                rounds[variant].append(seconds / arguments.steps * 1000)
    return rounds


def _shown(variant: str, rounds: dict[str, list[float]]) -> str:
    text = f"{variant} {statistics.median(rounds[variant]):.0f} ms"
    if variant == "mindspore":
        return text
    ratios = [own / ours for own, ours in zip(rounds["mindspore"], rounds[variant], strict=True)]
    return f"{text} ({statistics.median(ratios):.2f} times as fast, {min(ratios):.2f} to {max(ratios):.2f})"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", choices=list_models(), default=list_models())
    parser.add_argument("--image-size", type=int, default=112, help="pixels (default: %(default)s)")
    parser.add_argument("--batch-size", type=int, default=16, help="images a step (default: %(default)s)")
    parser.add_argument("--classes", type=int, default=1000, help="width of the classifier (default: %(default)s)")
    parser.add_argument("--warmup", type=int, default=30, help="untimed first steps (default: %(default)s)")
    parser.add_argument("--steps", type=int, default=3, help="steps a round (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=4, help="rounds (default: %(default)s)")
    parser.add_argument("--json", metavar="FILE", help="also write the figures here")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
