"""Measures how fast engines and precisions answer beside PyTorch on the same cores: images/s, p50 and p99 of calls.

    .venv/bin/python benchmarks/engines.py NETS --torch-python TORCH_ENV/bin/python --json engines.json
    .venv/bin/python benchmarks/engines.py NETS --json engines.json --only-table

NETS is made by `exported_networks.py` where it lacks a network. TORCH_ENV holds ``torch==2.13.0``, ``numpy`` and, for
PyTorch's newer int8, ``torchao==0.18.0``. The figures of one call are added to those in the file. The rules:

- Every variant does the same work: 8-bit squares (N, S, S, 3) in a NumPy array become probabilities and embeddings in
  NumPy arrays. Turning the axes, normalising and softmax are in it; decoding and rescaling are not, in none of them.
- Same weights. The answers of all are compared with PyTorch's in fp32 before anything is timed: fp32 must be equal to
  1e-4 in every probability and to 1e-3 of an embedding's length; of bf16 and int8 the cosine is written down.
- One process a framework, all alive, only one at work at a time: a round is every variant in turn, every second round
  in the opposite order, each after an untimed call. How many cores the waiting ones used is printed: it must be near 0.
- All cores for every call (no two calls at once). PyTorch is at its best: `torch.no_grad`, frozen weights where it
  compiles, two layouts, bf16 by autocast and by weights in bf16, int8 in graph mode and by inductor; what takes longer
  than ``--longest`` to start is left out and said so. Ratios are to the faster layout in eager fp32.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import datetime, timezone
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from command import parser_of
from drawn_squares import drawn_squares
from worker_pipe import Worker, WorkerError

from shelfmind.benchmarking.record import machine, speed_of
from shelfmind.files import write_json

HERE = Path(__file__).parent
NETWORKS, SIZES, BATCHES = ("resnet50", "se_resnext50", "shelfnet_s"), (112, 224), (1, 32)
ENGINE_FILES = ("onnx:fp32", "onnx:int8", "openvino:fp32", "openvino:int8", "openvino:bf16", "mindir:fp32")
OURS = {
    "mindspore": ("mindspore", "mindspore onednn", "mindir"),
    "onnx": ("onnx", "onnx int8"),
    "openvino": ("openvino", "openvino bf16", "openvino int8"),
}
"""Variants by the process that they live in; `engine_worker.py` says what they are."""
TORCH = (
    "torch contiguous",
    "torch channels last",
    "torch bf16 autocast",
    "torch bf16 weights",
    "torch compiled",
    "torch int8 fx",
    "torch int8 pt2e",
)
REFERENCES = TORCH[:2]
ROUNDED = ("bf16", "int8")
WARM = {"mindspore": 30, "mindir": 30}
"""MindSpore chooses its own kernels' threads by their first 25 calls; others are warm after three."""
PROBABILITY, EMBEDDING = 1e-4, 1e-3


@dataclass(frozen=True)
class Timing:
    """How long: of one variant in one round, seconds and calls at least; rounds."""

    seconds: float
    least: int
    rounds: int

    @property
    def of_round(self) -> dict[str, float]:
        """What a worker needs to know."""
        return {"seconds": self.seconds, "least": self.least}


def main() -> int:
    """Measure what the command line asks for; returns the exit status."""
    parser = parser_of(__doc__)
    parser.add_argument("nets", type=Path, help="the folder of the drawn networks")
    parser.add_argument("--torch-python", help="the Python of an environment with torch and numpy")
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=list(NETWORKS))
    parser.add_argument("--sizes", nargs="+", type=int, choices=SIZES, default=list(SIZES), help="pixels")
    parser.add_argument("--batches", nargs="+", type=int, default=list(BATCHES), help="squares a call")
    parser.add_argument("--variants", nargs="+", help="some of them (default: all)")
    parser.add_argument("--rounds", type=int, default=4, help="(default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=0.8, help="of a variant in a round (default: %(default)s)")
    parser.add_argument("--longest", type=float, default=90, help="seconds that a variant may take to start (90)")
    parser.add_argument("--json", type=Path, required=True, metavar="FILE", help="the figures are added to it")
    parser.add_argument("--only-table", action="store_true", help="print the table of the file")
    arguments = parser.parse_args()
    try:
        if not arguments.only_table:
            for name in arguments.networks:
                for size in arguments.sizes:
                    _measure(name, size, arguments)
        print(table(json.loads(arguments.json.read_text())))
    except (WorkerError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def _measure(name: str, size: int, arguments: Any) -> None:
    """All variants of one network at one size; the figures go into the file."""
    run = arguments.nets / f"{name}_{size}"
    if not run.exists():
        command = [sys.executable, str(HERE / "exported_networks.py"), str(arguments.nets), f"{name}:{size}"]
        subprocess.run([*command, "--files", *ENGINE_FILES], check=True)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        squares = folder / "squares.npz"
        np.savez(squares, images=drawn_squares(max(arguments.batches), size, seed=2))
        workers = _workers(run, squares, arguments, stack)
        for batch in arguments.batches:
            started = _started(workers, batch, arguments.longest)
            likeness = _compared(started, batch, folder)
            timing = Timing(arguments.seconds, 50 if batch == 1 else 2, arguments.rounds)
            figures = _rounds(started, batch, timing)
            _add(arguments.json, f"{name} {size} px, batch {batch}", figures, likeness)


def _workers(run: Path, squares: Path, arguments: Any, stack: ExitStack) -> dict[str, Worker]:
    """By variant, the process that has it."""
    found: dict[str, Worker] = {}
    programs = {
        **{names: (sys.executable, "engine_worker.py", str(run)) for names in OURS.values()},
        TORCH: (arguments.torch_python, "torch_engines.py", str(run / "weights.npz")),
    }
    for names, (python, script, place) in programs.items():
        wanted = [each for each in names if not arguments.variants or each in arguments.variants]
        if wanted:
            worker = Worker(python, HERE / script, [place, str(squares)], {})
            stack.enter_context(closing(worker))
            found |= dict.fromkeys(wanted, worker)
    return found


def _started(workers: Mapping[str, Worker], batch: int, longest: float) -> dict[str, Worker]:
    """Those that run here."""
    found = {}
    for variant, worker in workers.items():
        answer = worker.ask("start", variant=variant, batch=batch, warm=WARM.get(variant, 3))
        if "error" in answer:
            print(f"  {variant} does not run: {answer['error']}", flush=True)
        elif answer["seconds"] > longest:
            print(f"  {variant} took {answer['seconds']:.0f} s to start, more than {longest:g}: left out", flush=True)
        else:
            found[variant] = worker
    return found


def _compared(workers: Mapping[str, Worker], batch: int, folder: Path) -> dict[str, float]:
    """The least cosine between embeddings of each variant and PyTorch's in fp32.

    Raises:
        WorkerError: one that computes in fp32 answers otherwise.
    """
    answers = {}
    for variant, worker in workers.items():
        path = folder / f"{variant.replace(' ', '_')}.npz"
        worker.ask("answer", variant=variant, batch=batch, path=str(path))
        with np.load(path) as archive:
            answers[variant] = archive["probabilities"], archive["embeddings"]
    probabilities, embeddings = answers[next(each for each in (*REFERENCES, *answers) if each in answers)]
    lengths = np.linalg.norm(embeddings, axis=1)
    cosines = {}
    for variant, (p, e) in answers.items():
        far = np.abs(p - probabilities).max(), (np.linalg.norm(e - embeddings, axis=1) / lengths).max()
        if not any(word in variant for word in ROUNDED) and (far[0] > PROBABILITY or far[1] > EMBEDDING):
            raise WorkerError(f"{variant} differs by {far[0]:.2g} in a probability, {far[1]:.2g} of an embedding")
        cosines[variant] = float(((e * embeddings).sum(axis=1) / np.linalg.norm(e, axis=1) / lengths).min())
    return cosines


def _rounds(workers: Mapping[str, Worker], batch: int, timing: Timing) -> dict[str, dict[str, Any]]:
    """Figures by variant."""
    calls: dict[str, list[list[float]]] = {variant: [] for variant in workers}
    idle = 0.0
    for number in range(timing.rounds):
        for variant in list(workers) if number % 2 == 0 else reversed(workers):
            waiting = [each for each in set(workers.values()) if each is not workers[variant]]
            before = sum(each.cpu_s() for each in waiting)
            ms = workers[variant].ask(
                "measure", variant=variant, batch=batch, seconds=timing.seconds, least=timing.least
            )
            calls[variant].append(ms["ms"])
            idle = max(idle, (sum(each.cpu_s() for each in waiting) - before) / (sum(ms["ms"]) / 1000))
    print(f"  the waiting processes used at most {idle:.2f} cores", flush=True)
    return {variant: speed_of(batch, rounds) for variant, rounds in calls.items()}


def _add(path: Path, cell: str, figures: Mapping[str, Mapping[str, Any]], likeness: Mapping[str, float]) -> None:
    """Put the figures of a cell into the file, instead of earlier ones of it."""
    record = json.loads(path.read_text()) if path.exists() else {"cells": {}}
    rows = {variant: {**each, "least_cosine": round(likeness[variant], 6)} for variant, each in figures.items()}
    time = datetime.now(timezone.utc).isoformat(timespec="seconds")
    cells = {**record["cells"], cell: {"time": time, "variants": rows}}
    write_json(path, {**record, **machine(), "cells": cells})
    print(f"{cell}\n" + "\n".join(_lines(rows)), flush=True)


def table(record: Mapping[str, Any]) -> str:
    """Ratios to PyTorch fp32's faster layout: a row a variant, a column a cell."""
    cells = {name: cell["variants"] for name, cell in record["cells"].items()}
    rows = [["variant", *cells]]
    for variant in (*chain.from_iterable(OURS.values()), *TORCH):
        ratios = [f"{_ratio(cell, variant)[0]:.2f}" if variant in cell else "" for cell in cells.values()]
        rows.append([variant, *ratios])
    best = [max(cell[each]["images_per_second"] for each in REFERENCES if each in cell) for cell in cells.values()]
    rows.append(["torch fp32, images/s", *(f"{each:.1f}" for each in best)])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _lines(rows: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    for variant, each in rows.items():
        ratio, least, most = _ratio(rows, variant)
        speeds = each["images_per_second_by_round"]
        spread = f"{min(speeds):.1f}..{max(speeds):.1f}"
        ms = f"p50 {each['p50_ms']:.1f} p99 {each['p99_ms']:.1f} ms of {each['calls']}"
        yield (
            f"  {variant:<20} {each['images_per_second']:8.1f} ({spread}) images/s, {ms}, "
            f"ratio {ratio:.2f} ({least:.2f}..{most:.2f}), cosine {each['least_cosine']:.5f}"
        )


def _ratio(rows: Mapping[str, Mapping[str, Any]], variant: str) -> tuple[float, float, float]:
    """To the faster layout of PyTorch in fp32: of the medians, and the least and greatest of the rounds."""
    able = [each for each in REFERENCES if each in rows] or [variant]
    best = max(able, key=lambda each: float(rows[each]["images_per_second"]))
    speeds = [rows[each]["images_per_second_by_round"] for each in (variant, best)]
    ratios = [own / other for own, other in zip(*speeds, strict=True)]
    return statistics.median(speeds[0]) / statistics.median(speeds[1]), min(ratios), max(ratios)


if __name__ == "__main__":
    sys.exit(main())
