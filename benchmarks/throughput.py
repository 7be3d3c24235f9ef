"""Measures images/s of training and inference in MindSpore (shelfmind's own compiled step) beside PyTorch on the CPU.

    .venv/bin/python benchmarks/throughput.py --torch-python TORCH_ENV/bin/python --json throughput.json

where TORCH_ENV holds ``torch==2.13.0`` and ``numpy`` (it cannot share shelfmind's, which needs numpy<2). The rules:

- One worker process per framework, both alive, only one at work at a time: a round is K steps of MindSpore, K of
  PyTorch contiguous, K of PyTorch channels_last, every second round in the opposite order, each after an untimed step.
  How many cores the waiting worker used is printed: it must be near 0.
- Both start from the same weights and batch. The number of parameters must be equal, and so must the first losses
  and what the averaged weights then say: architecture, loss, optimizer and averaging are the same.
- A training step is forward, cross entropy with label smoothing 0.1, backward, SGD with momentum 0.9 (Nesterov's in
  both, or plain in both where MindSpore ignores it: printed) and weight decay on weights, and the moving average of all
  weights and statistics (always part of shelfmind's step; ``torch._foreach_lerp_`` in PyTorch). The loss is read after
  every step. Inference is in evaluation mode and ends with probabilities and embeddings as NumPy arrays.
- PyTorch runs eagerly (no torch.compile, no folded batch normalisation) with the fused SGD, one thread a core, under
  `torch.inference_mode` for inference; the faster layout counts. All is fp32.

``--profile`` instead sums the time in oneDNN per kind of work in both frameworks (DNNL_VERBOSE=1).
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

from onednn_profile import summarise
from worker_pipe import Worker, WorkerError

HERE = Path(__file__).parent
MODELS = {"resnet50": 25_557_032, "se_resnext50": 27_559_896, "shelfnet_s": None}
"""Parameters for 1,000 classes, as published; None: a network of shelfmind's own."""
TASKS = ("training", "inference")
SETTINGS = {"lr": 1e-5, "weight_decay": 1e-4, "smoothing": 0.1, "decay": 0.9}
VARIANTS = ("mindspore", "contiguous", "channels_last")
CHECKED_STEPS, TOLERANCE = 3, 1e-3  # rounding grows from step to step, slowly at this learning rate

Rates = dict[str, list[float]]


def main() -> int:
    """Measure what the command line asks for; returns the exit status."""
    arguments = _arguments()
    results: dict[str, Any] = {"settings": vars(arguments) | {"cores": len(os.sched_getaffinity(0))}}
    if results["settings"]["cores"] < 2:
        print("note: with one thread PyTorch sends most convolutions past oneDNN; compare on two cores or more")
    try:
        for model in arguments.models:
            measured = profile(model, arguments) if arguments.profile else compare(model, arguments)
            results[model] = measured
            if arguments.json:
                Path(arguments.json).write_text(json.dumps(results, indent=1) + "\n")
    except (WorkerError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def compare(model: str, arguments: argparse.Namespace) -> dict[str, Any]:
    """Rates of one network in both frameworks, in interleaved rounds."""
    with ExitStack() as stack:
        workers, about = _start(model, arguments, stack, {})
        measured: dict[str, Any] = {"about": about}
        measured["first_values"] = _same_work(model, workers)
        for task in arguments.tasks:
            for variant in VARIANTS:
                _run(workers, variant, task, arguments.warmup)
            rates, idle_cores = _rounds(workers, task, arguments)
            measured[task] = _report(model, task, rates, arguments.batch_size) | {"idle_cores": idle_cores}
            print(f"  the waiting worker used at most {idle_cores:.2f} cores", flush=True)
    return measured


def profile(model: str, arguments: argparse.Namespace) -> dict[str, Any]:
    """Milliseconds a step in each kind of oneDNN primitive and outside oneDNN, in each framework."""
    verbose = {"DNNL_VERBOSE": "1", "ONEDNN_VERBOSE": "1"}
    measured: dict[str, Any] = {}
    with ExitStack() as stack:
        workers, measured["about"] = _start(model, arguments, stack, verbose)
        for task in arguments.tasks:
            measured[task] = {}
            for variant in VARIANTS:
                _run(workers, variant, task, arguments.warmup)
                worker = workers[variant == "mindspore"]
                start = Path(worker.printed.name).stat().st_size
                seconds = _run(workers, variant, task, arguments.steps)["seconds"]
                lines = worker.text(start)
                measured[task][variant] = _print_profile(f"{model} {task} {variant}", lines, seconds, arguments.steps)
    return measured


def _start(
    model: str, arguments: argparse.Namespace, stack: ExitStack, environment: dict[str, str]
) -> tuple[dict[bool, Worker], dict[str, Any]]:
    """Both workers (True: MindSpore's) with the same weights and batch, and what they say of themselves."""
    classes = str(arguments.classes)
    sizes = [str(arguments.image_size), str(arguments.batch_size)]
    scripts = {True: "mindspore_worker.py", False: "torch_worker.py"}
    workers, about = {}, {}
    path = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "start.npz"
    for ours, python in ((True, sys.executable), (False, arguments.torch_python)):
        worker = Worker(python, HERE / scripts[ours], [model, classes, *(sizes if ours else [])], environment)
        workers[ours] = stack.enter_context(closing(worker))
        # PyTorch takes Nesterov's step if shelfmind's optimizer really does here: the same work in both.
        extra = {} if ours else {"nesterov": about["mindspore_worker"]["nesterov"]}
        about[worker.name] = worker.ask("start", path=str(path), **SETTINGS, **extra)
    ours, theirs = about["mindspore_worker"]["parameters"], about["torch_worker"]["parameters"]
    published = (MODELS[model] or ours) if arguments.classes == 1000 else ours
    if not ours == theirs == published:
        raise WorkerError(f"{model} has {ours:,} parameters here, {theirs:,} in PyTorch, {published:,} published")
    versions = " and ".join(f"{worker['version']}" for worker in about.values())
    print(
        f"\n{model}: {ours:,} parameters, {arguments.image_size} px, batch {arguments.batch_size}, fp32, "
        f"{versions}, {about['torch_worker']['threads']} threads, "
        f"Nesterov {about['mindspore_worker']['nesterov']}, {about['mindspore_worker']['environment']}",
        flush=True,
    )
    return workers, about


def _run(workers: dict[bool, Worker], variant: str, task: str, steps: int) -> dict[str, Any]:
    return workers[variant == "mindspore"].ask("run", task=task, layout=variant, steps=steps)


def _same_work(model: str, workers: dict[bool, Worker]) -> dict[str, list[float]]:
    """The first losses, then the largest probability that the averaged weights give; unequal ones are an error."""
    found = {}
    for variant in VARIANTS:
        losses = _run(workers, variant, "training", CHECKED_STEPS)["values"]
        found[variant] = losses + _run(workers, variant, "inference", 1)["values"]
        print(f"  {variant:<14} losses and probability " + " ".join(f"{value:.5f}" for value in found[variant]))
    for variant in VARIANTS[1:]:
        pairs = zip(found["mindspore"], found[variant], strict=True)
        if any(abs(ours - theirs) > TOLERANCE * abs(ours) for ours, theirs in pairs):
            raise WorkerError(f"{model}: MindSpore and PyTorch {variant} do not compute the same (see above)")
    return found


def _rounds(workers: dict[bool, Worker], task: str, arguments: argparse.Namespace) -> tuple[Rates, float]:
    """Images/s of each variant in each round, and the most cores that the waiting worker used meanwhile."""
    rates: Rates = {variant: [] for variant in VARIANTS}
    idle_cores = 0.0
    for number in range(arguments.rounds):
        for variant in VARIANTS if number % 2 == 0 else VARIANTS[::-1]:
            _run(workers, variant, task, 1)
            waiting = workers[variant != "mindspore"]
            before = waiting.cpu_s()
            seconds = _run(workers, variant, task, arguments.steps)["seconds"]
            idle_cores = max(idle_cores, (waiting.cpu_s() - before) / seconds)
            rates[variant].append(arguments.steps * arguments.batch_size / seconds)
        line = "  ".join(f"{variant} {rates[variant][-1]:6.1f}" for variant in VARIANTS)
        print(f"  {task} round {number + 1}: {line}", flush=True)
    return rates, idle_cores


def _report(model: str, task: str, rates: Rates, batch_size: int) -> dict[str, Any]:
    """Print and return medians and the ratio of MindSpore to PyTorch's faster layout."""
    medians = {variant: statistics.median(values) for variant, values in rates.items()}
    best = max(VARIANTS[1:], key=lambda variant: medians[variant])
    ratios = [ours / theirs for ours, theirs in zip(rates["mindspore"], rates[best], strict=True)]
    ratio = medians["mindspore"] / medians[best]
    other = min(medians[variant] for variant in VARIANTS[1:])
    print(
        f"  {model} {task}: MindSpore {medians['mindspore']:.1f} images/s, PyTorch {medians[best]:.1f} ({best}; "
        f"the other layout {other:.1f}), ratio {ratio:.2f} ({min(ratios):.2f}..{max(ratios):.2f})",
        flush=True,
    )
    return {
        "images_per_second": rates,
        "medians": medians,
        "torch_layout": best,
        "ratio": ratio,
        "round_ratios": ratios,
        "mindspore_step_ms": batch_size / medians["mindspore"] * 1000,
    }


def _print_profile(title: str, lines: str, seconds: float, steps: int) -> dict[str, Any]:
    """Print and return a step's time by kind of oneDNN work, and what is left outside oneDNN."""
    step_ms = seconds * 1000 / steps
    kinds = summarise(lines)
    inside_ms = sum(work.ms for work in kinds.values()) / steps
    print(f"\n  {title}: {step_ms:.0f} ms a step with verbose on, {inside_ms:.0f} ms in oneDNN")
    print(f"  {'ms/step':>9} {'share':>6} {'calls':>6} {'GFLOP/s':>8}")
    table = {}
    for kind, work in kinds.items():
        ms, speed = work.ms / steps, work.gflops_per_s
        table[kind] = {"ms": ms, "calls": work.calls / steps, "gflops_per_s": speed}
        shown = f"{speed:8.0f}" if speed else " " * 8
        print(f"  {ms:9.1f} {ms / step_ms:6.1%} {work.calls / steps:6.0f} {shown}  {kind}")
    outside_ms = step_ms - inside_ms
    print(f"  {outside_ms:9.1f} {outside_ms / step_ms:6.1%} {'':15}  outside oneDNN", flush=True)
    return {"step_ms": step_ms, "onednn_ms": inside_ms, "kinds": table}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--torch-python", required=True, help="the Python of an environment with torch and numpy")
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=list(TASKS))
    parser.add_argument("--image-size", type=int, default=112, help="pixels (default: %(default)s)")
    parser.add_argument("--batch-size", type=int, default=16, help="images a step (default: %(default)s)")
    parser.add_argument("--classes", type=int, default=1000, help="width of the classifier (default: %(default)s)")
    parser.add_argument("--warmup", type=int, default=30, help="untimed first steps of each variant (default: 30)")
    parser.add_argument("--steps", type=int, default=10, help="steps a round (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=7, help="rounds (default: %(default)s)")
    parser.add_argument("--profile", action="store_true", help="time per oneDNN primitive instead of images/s")
    parser.add_argument("--json", metavar="FILE", help="also write the figures here")
    parser.add_argument("--quick", action="store_true", help="smoke test: 64 px, batch 8, 2 rounds of 2 steps")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.image_size, arguments.batch_size, arguments.warmup = 64, 8, 3
        arguments.steps, arguments.rounds = 2, 2
    if min(arguments.warmup, arguments.steps, arguments.rounds, arguments.batch_size) < 1:
        parser.error("--warmup, --steps, --rounds and --batch-size are at least 1")
    return arguments


if __name__ == "__main__":
    sys.exit(main())
