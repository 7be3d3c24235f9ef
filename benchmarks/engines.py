"""Compare the inference speed of engines and precisions with PyTorch on the same cores: images/s, p50 and p99 of calls.

    .venv/bin/python benchmarks/engines.py NETS --torch-python TORCH_ENV/bin/python --json engines.json
    .venv/bin/python benchmarks/engines.py NETS --json engines.json --only-table

`exported_networks.py` adds missing networks to NETS. TORCH_ENV contains ``torch==2.13.0``, ``numpy`` and, for PyTorch's
newer int8, ``torchao==0.18.0``. The results of each call are added to the file. The rules:

- Every variant does the same work: 8-bit squares (N, S, S, 3) in a NumPy array become probabilities and embeddings in
  NumPy arrays. Transposing, normalising and softmax are included; decoding and resizing are not, in any variant.
- All variants have the same weights. Their outputs are compared with PyTorch's in fp32 before timing: fp32 must agree
  to 1e-4 in every probability and to 1e-3 of an embedding's length; for bf16 and int8 the cosine is recorded.
- There is one process per framework; all are alive, but only one works at a time. A round runs every variant in turn,
  every second round in reverse order, each after an untimed call. The number of cores used by waiting processes is
  printed; it must be near 0.
- Every call uses all cores (no two calls at once). PyTorch runs in its best configurations: `torch.no_grad`, frozen
  weights where it compiles, two layouts, bf16 by autocast and by bf16 weights, int8 in graph mode and by inductor. A
  variant that takes longer than ``--longest`` to start is left out, with a note. Ratios are to the faster layout in
  eager fp32.
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
from synthetic_squares import synthetic_squares
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
"""Variants by process; `engine_worker.py` describes them."""
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
"""MindSpore tunes its kernels' threads in the first 25 calls; others are warm after three."""
PROBABILITY, EMBEDDING = 1e-4, 1e-3


@dataclass(frozen=True)
class Timing:
    """Duration: minimum seconds and calls per variant and round, and number of rounds."""

    seconds: float
    least: int
    rounds: int

    @property
    def of_round(self) -> dict[str, float]:
        """The arguments of a worker."""
        return {"seconds": self.seconds, "least": self.least}


def main() -> int:
    """Run the selected measurements. Return the exit status."""
    parser = parser_of(__doc__)
    parser.add_argument("nets", type=Path, help="folder of the networks")
    parser.add_argument("--torch-python", help="Python interpreter of an environment with torch and numpy")
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=list(NETWORKS))
    parser.add_argument("--sizes", nargs="+", type=int, choices=SIZES, default=list(SIZES), help="pixels")
    parser.add_argument("--batches", nargs="+", type=int, default=list(BATCHES), help="squares per call")
    parser.add_argument("--variants", nargs="+", help="variants to measure (default: all)")
    parser.add_argument("--rounds", type=int, default=4, help="(default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=0.8, help="per variant and round (default: %(default)s)")
    parser.add_argument(
        "--longest", type=float, default=90, help="maximum start-up seconds of a variant (default: %(default)s)"
    )
    parser.add_argument("--json", type=Path, required=True, metavar="FILE", help="results are added to this file")
    parser.add_argument("--only-table", action="store_true", help="only print the table of the file")
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
    """Measure all variants of one network at one size and add the results to the file."""
    run = arguments.nets / f"{name}_{size}"
    if not run.exists():
        command = [sys.executable, str(HERE / "exported_networks.py"), str(arguments.nets), f"{name}:{size}"]
        subprocess.run([*command, "--files", *ENGINE_FILES], check=True)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        squares = folder / "squares.npz"
        np.savez(squares, images=synthetic_squares(max(arguments.batches), size, seed=2))
        workers = _workers(run, squares, arguments, stack)
        for batch in arguments.batches:
            started = _started(workers, batch, arguments.longest)
            likeness = _compared(started, batch, folder)
            timing = Timing(arguments.seconds, 50 if batch == 1 else 2, arguments.rounds)
            figures = _rounds(started, batch, timing)
            _add(arguments.json, f"{name} {size} px, batch {batch}", figures, likeness)


def _workers(run: Path, squares: Path, arguments: Any, stack: ExitStack) -> dict[str, Worker]:
    """Return the process of each variant."""
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
    """Return the variants that run on this machine."""
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
    """Return the lowest cosine similarity of each variant's embeddings to PyTorch's in fp32.

    Raises:
        WorkerError: an fp32 variant gives different results.
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
    """Return the results by variant."""
    calls: dict[str, list[list[float]]] = {variant: [] for variant in workers}
    idle = 0.0
    for number in range(timing.rounds):
        for variant in list(workers) if number % 2 == 0 else reversed([*workers]):
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
    """Write the results of a cell to the file, replacing earlier ones."""
    record = json.loads(path.read_text()) if path.exists() else {"cells": {}}
    rows = {variant: {**each, "least_cosine": round(likeness[variant], 6)} for variant, each in figures.items()}
    time = datetime.now(timezone.utc).isoformat(timespec="seconds")
    cells = {**record["cells"], cell: {"time": time, "variants": rows}}
    write_json(path, {**record, **machine(), "cells": cells})
    print(f"{cell}\n" + "\n".join(_lines(rows)), flush=True)


def table(record: Mapping[str, Any]) -> str:
    """Return the ratios to PyTorch fp32's faster layout: one row per variant, one column per cell."""
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
    """Return the ratio to PyTorch fp32's faster layout: of the medians, and the range over rounds."""
    able = [each for each in REFERENCES if each in rows] or [variant]
    best = max(able, key=lambda each: float(rows[each]["images_per_second"]))
    speeds = [rows[each]["images_per_second_by_round"] for each in (variant, best)]
    ratios = [own / other for own, other in zip(*speeds, strict=True)]
    return statistics.median(speeds[0]) / statistics.median(speeds[1]), min(ratios), max(ratios)


if __name__ == "__main__":
    sys.exit(main())
