"""Compare images/s of training and inference in MindSpore (shelfmind's compiled step) and in PyTorch on the CPU.

    .venv/bin/python benchmarks/throughput.py --torch-python TORCH_ENV/bin/python --json throughput.json

TORCH_ENV contains ``torch==2.13.0`` and ``numpy`` (a separate environment, because shelfmind needs numpy<2). The rules:

- There is one worker process per framework; both are alive, but only one works at a time. A round is K steps of each
  variant (MindSpore's own kernels, oneDNN's in fp32 and bf16; PyTorch contiguous, channels last, and bf16 by autocast,
  channels last), every second round in reverse order, each after an untimed step. The number of cores used by the
  waiting worker is printed; it must be near 0.
- Both start from the same weights and batch. The numbers of parameters, the first losses and the outputs of the
  averaged weights must be equal: architecture, loss, optimizer and averaging are the same.
- A training step is forward, cross entropy with label smoothing 0.1, backward, SGD with momentum 0.9 (Nesterov in both,
  or plain in both where MindSpore ignores it: printed) and weight decay on weights, and the moving average of all
  weights and statistics (always part of shelfmind's step; ``torch._foreach_lerp_`` in PyTorch). The loss is read after
  every step. Inference is in evaluation mode and ends with probabilities and embeddings as NumPy arrays.
- PyTorch runs eagerly (no torch.compile, no folded batch normalisation) with the fused SGD, one thread per core, and
  `torch.inference_mode` for inference; in fp32 the faster layout counts. Inference is in fp32, as in shelfmind's runs.

``--profile`` sums the time in oneDNN per kind of work in both frameworks instead (DNNL_VERBOSE=1).
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

from onednn_profile import summarise
from worker_pipe import Worker, WorkerError

HERE = Path(__file__).parent
MODELS = {"resnet50": (25_557_032, 112, 16), "se_resnext50": (27_559_896, 112, 16), "shelfnet_s": (3_101_368, 160, 32)}
"""Parameters for 1,000 classes (published, except for shelfnet_s), image size, batch size."""
TASKS = ("training", "inference")
SETTINGS = {"lr": 1e-5, "weight_decay": 1e-4, "smoothing": 0.1, "decay": 0.9}
OURS = ("mindspore", "onednn_fp32", "onednn_bf16")
THEIRS = ("contiguous", "channels_last", "torch_bf16")
FP32 = ("contiguous", "channels_last")
VARIANTS = {"training": OURS + THEIRS, "inference": OURS[:2] + FP32}
CHECKED_STEPS, TOLERANCE = (
    3,
    {False: 1e-3, True: 2e-2},
)  # fp32 and bf16; rounding errors grow slowly at this learning rate

Rates = dict[str, list[float]]


def main() -> int:
    """Run the selected measurements. Return the exit status."""
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
    """Return the rates of one network in both frameworks, in interleaved rounds."""
    with ExitStack() as stack:
        workers, about = _start(model, arguments, stack, {})
        measured: dict[str, Any] = {"about": about}
        measured["first_values"] = _same_work(model, workers, arguments)
        for task in arguments.tasks:
            for variant in _variants(task, arguments):
                _run(workers, variant, task, arguments.warmup)
            rates, idle_cores = _rounds(model, workers, task, arguments)
            measured[task] = _report(model, task, rates, _sizes(model, arguments)[1]) | {"idle_cores": idle_cores}
            print(f"  the waiting worker used at most {idle_cores:.2f} cores", flush=True)
    return measured


def profile(model: str, arguments: argparse.Namespace) -> dict[str, Any]:
    """Return milliseconds per step by oneDNN primitive and outside oneDNN, in each framework."""
    verbose = {"DNNL_VERBOSE": "1", "ONEDNN_VERBOSE": "1"}
    measured: dict[str, Any] = {}
    with ExitStack() as stack:
        workers, measured["about"] = _start(model, arguments, stack, verbose)
        for task in arguments.tasks:
            measured[task] = {}
            for variant in _variants(task, arguments):
                _run(workers, variant, task, arguments.warmup)
                worker = workers[variant in OURS]
                start = Path(worker.printed.name).stat().st_size
                seconds = _run(workers, variant, task, arguments.steps)["seconds"]
                lines = worker.text(start)
                measured[task][variant] = _print_profile(f"{model} {task} {variant}", lines, seconds, arguments.steps)
    return measured


def _start(
    model: str, arguments: argparse.Namespace, stack: ExitStack, environment: dict[str, str]
) -> tuple[dict[bool, Worker], dict[str, Any]]:
    """Start both workers (True: MindSpore's) with the same weights and batch; yield them and their facts."""
    classes = str(arguments.classes)
    image_size, batch_size = _sizes(model, arguments)
    given = {True: [str(image_size), str(batch_size), *_among(OURS, arguments)], False: _among(THEIRS, arguments)}
    scripts = {True: "mindspore_worker.py", False: "torch_worker.py"}
    workers: dict[bool, Worker] = {}
    about: dict[str, Any] = {}
    path = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "start.npz"
    for ours, python in ((True, sys.executable), (False, arguments.torch_python)):
        worker = Worker(python, HERE / scripts[ours], [model, classes, *given[ours]], environment)
        workers[ours] = stack.enter_context(closing(worker))
        # PyTorch uses Nesterov only if shelfmind's optimizer does here: the same work in both.
        extra = {} if ours else {"nesterov": about["mindspore_worker"]["nesterov"]}
        about[worker.name] = worker.ask("start", path=str(path), **SETTINGS, **extra)
    ours, theirs = about["mindspore_worker"]["parameters"], about["torch_worker"]["parameters"]
    published = MODELS[model][0] if arguments.classes == 1000 else ours
    if not ours == theirs == published:
        raise WorkerError(f"{model} has {ours:,} parameters here, {theirs:,} in PyTorch, {published:,} published")
    versions = " and ".join(f"{worker['version']}" for worker in about.values())
    print(
        f"\n{model}: {ours:,} parameters, {image_size} px, batch {batch_size}, "
        f"{versions}, {about['torch_worker']['threads']} threads, "
        f"Nesterov {about['mindspore_worker']['nesterov']}, {about['mindspore_worker']['environment']}",
        flush=True,
    )
    return workers, about


def _run(workers: dict[bool, Worker], variant: str, task: str, steps: int) -> dict[str, Any]:
    return workers[variant in OURS].ask("run", task=task, variant=variant, steps=steps)


def _variants(task: str, arguments: argparse.Namespace) -> list[str]:
    return _among(VARIANTS[task], arguments)


def _among(variants: Sequence[str], arguments: argparse.Namespace) -> list[str]:
    return [variant for variant in variants if variant in arguments.variants]


def _sizes(model: str, arguments: argparse.Namespace) -> tuple[int, int]:
    """Return image size and batch size."""
    _, image_size, batch_size = MODELS[model]
    return arguments.image_size or image_size, arguments.batch_size or batch_size


def _same_work(model: str, workers: dict[bool, Worker], arguments: argparse.Namespace) -> dict[str, list[float]]:
    """Compare the first losses and the largest probability of the averaged weights; unequal values are an error."""
    found: dict[str, list[float]] = {}
    for variant in _variants("training", arguments):
        losses = _run(workers, variant, "training", CHECKED_STEPS)["values"]
        found[variant] = losses + _run(workers, variant, "inference", 1)["values"]
        print(f"  {variant:<14} losses and probability " + " ".join(f"{value:.5f}" for value in found[variant]))
    first = next(iter(found))
    for variant, values in found.items():
        pairs, tolerance = zip(found[first], values, strict=True), TOLERANCE["bf16" in first + variant]
        if any(abs(ours - theirs) > tolerance * abs(ours) for ours, theirs in pairs):
            raise WorkerError(f"{model}: {first} and {variant} do not compute the same (see above)")
    return found


def _rounds(model: str, workers: dict[bool, Worker], task: str, arguments: argparse.Namespace) -> tuple[Rates, float]:
    """Return images/s of each variant in each round, and the maximum cores used by the waiting worker."""
    variants, (_, batch_size) = _variants(task, arguments), _sizes(model, arguments)
    rates: Rates = {variant: [] for variant in variants}
    idle_cores = 0.0
    for number in range(arguments.rounds):
        for variant in variants if number % 2 == 0 else variants[::-1]:
            _run(workers, variant, task, 1)
            waiting = workers[variant not in OURS]
            before = waiting.cpu_s()
            seconds = _run(workers, variant, task, arguments.steps)["seconds"]
            idle_cores = max(idle_cores, (waiting.cpu_s() - before) / seconds)
            rates[variant].append(arguments.steps * batch_size / seconds)
        line = "  ".join(f"{variant} {rates[variant][-1]:6.1f}" for variant in variants)
        print(f"  {task} round {number + 1}: {line}", flush=True)
    return rates, idle_cores


def _report(model: str, task: str, rates: Rates, batch_size: int) -> dict[str, Any]:
    """Print and return medians, and each variant's ratio to PyTorch in its precision (fp32: the faster layout)."""
    medians = {variant: statistics.median(values) for variant, values in rates.items()}
    ratios = {}
    for variant in rates:
        rivals = ("torch_bf16",) if variant.endswith("bf16") else FP32
        measured = [rival for rival in rivals if rival in rates]
        if not measured:
            continue
        torch = max(measured, key=lambda rival: medians[rival])
        values = [ours / theirs for ours, theirs in zip(rates[variant], rates[torch], strict=True)]
        ratios[variant] = {"to": torch, "median": statistics.median(values), "rounds": values}
        ms = batch_size / medians[variant] * 1000
        print(
            f"  {model} {task} {variant:<14} {medians[variant]:6.1f} images/s {ms:6.0f} ms, "
            f"{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f}) of {torch}",
            flush=True,
        )
    return {"images_per_second": rates, "medians": medians, "ratios": ratios}


def _print_profile(title: str, lines: str, seconds: float, steps: int) -> dict[str, Any]:
    """Print and return a step's time by kind of oneDNN work, and the time outside oneDNN."""
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
    parser.add_argument(
        "--torch-python", required=True, help="Python interpreter of an environment with torch and numpy"
    )
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=list(TASKS))
    parser.add_argument(
        "--variants",
        nargs="+",
        choices=OURS + THEIRS,
        default=OURS + THEIRS,
        help="a full comparison takes ten minutes per network; subsets, with PyTorch in the same precision, take less",
    )
    parser.add_argument("--image-size", type=int, help="pixels (default: 112; 160 for shelfnet_s)")
    parser.add_argument("--batch-size", type=int, help="images per step (default: 16; 32 for shelfnet_s)")
    parser.add_argument("--classes", type=int, default=1000, help="width of the classifier (default: %(default)s)")
    parser.add_argument("--warmup", type=int, default=30, help="untimed warm-up steps of each variant (default: 30)")
    parser.add_argument("--steps", type=int, default=10, help="steps per round (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=7, help="rounds (default: %(default)s)")
    parser.add_argument("--profile", action="store_true", help="time per oneDNN primitive instead of images/s")
    parser.add_argument("--json", metavar="FILE", help="also write the results to this file")
    parser.add_argument("--quick", action="store_true", help="smoke test: 64 px, batch size 8, 2 rounds of 2 steps")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.image_size, arguments.batch_size, arguments.warmup = 64, 8, 3
        arguments.steps, arguments.rounds = 2, 2
    if min(arguments.warmup, arguments.steps, arguments.rounds, arguments.batch_size or 1) < 1:
        parser.error("--warmup, --steps, --rounds and --batch-size must be at least 1")
    if not any(variant in OURS for variant in arguments.variants) or not set(arguments.variants) & set(THEIRS):
        parser.error("--variants needs one of MindSpore's and one of PyTorch's")
    return arguments


if __name__ == "__main__":
    sys.exit(main())
