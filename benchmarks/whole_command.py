"""Compare images/s from JPEG files to a CSV: `shelfmind predict` and a plain PyTorch and torchvision script.

    .venv/bin/python benchmarks/exported_networks.py NETS shelfnet_s:160 resnet50:224
    .venv/bin/python benchmarks/whole_command.py NETS/shelfnet_s_160 PHOTOS --torch-python TORCH_ENV/bin/python

TORCH_ENV contains ``torch==2.13.0`` and ``torchvision==0.28.0``. The rules:

- Both read all JPEG files of a folder and write path and top-5 classes of each as CSV, with the same network, weights
  and input size, in fp32 unless stated otherwise. A round runs every variant once, each in a separate process, every
  second round in reverse order. The files are read once before, so that none comes from disk.
- The plain script (`plain_torch.py`) follows PyTorch's own guides: a DataLoader with worker processes, Pillow,
  `torch.inference_mode`, batches of 32, one thread per core; the best of its layouts and numbers of workers counts. It
  resizes once, to the network's size; shelfmind resizes as in training, to a larger square and then again.
- ``images/s`` excludes the start of the process: PyTorch's imports are excluded, shelfmind's are included, and both
  load their weights. ``with the start`` is the whole command, as the user experiences it. An installed package has
  byte code: let Python write it (PYTHONPYCACHEPREFIX), or each round compiles again.
- `--ours` adds files or runs, such as ``NETS/NAME/network.int8.onnx``, with their ``--engine`` after an @.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from command import parser_of

HERE = Path(__file__).parent
IN_PROCESS = """
import sys, time
from pathlib import Path
began = time.perf_counter()
from shelfmind.cli import main
sys.argv = ["shelfmind", *sys.argv[1:]]
try:
    main()
except SystemExit as end:
    if end.code:
        raise
print(time.perf_counter() - began)
"""


def ours(place: str, photos: Path, out: Path, options: list[str]) -> float:
    """Return the seconds of `shelfmind predict` after the start of Python."""
    file, _, engine = place.partition("@")
    command = ["predict", file, str(photos), "--tta", "none", "--out", str(out), "--engine", engine or "auto", *options]
    return float(_last_line([sys.executable, "-c", IN_PROCESS, *command]))


def plain(python: str, weights: Path, photos: Path, out: Path, workers: int, layout: str) -> float:
    """Return the seconds of the plain script after its imports."""
    arguments = [str(weights), str(photos), str(out), str(workers), layout]
    return float(_last_line([python, str(HERE / "plain_torch.py"), *arguments]))


def _last_line(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{command[0]} failed:\n{done.stderr[-2000:]}")
    return done.stdout.strip().splitlines()[-1]


def main() -> int:
    """Run the selected measurements. Return the exit status."""
    parser = parser_of(__doc__)
    parser.add_argument("network", type=Path, help="folder created by exported_networks.py")
    parser.add_argument("photos", type=Path, help="folder of JPEG files")
    parser.add_argument(
        "--torch-python", required=True, help="Python interpreter of an environment with torch and torchvision"
    )
    parser.add_argument("--engines", nargs="*", default=["onnx", "openvino"], help="(default: onnx openvino)")
    parser.add_argument("--ours", nargs="*", default=[], metavar="FILE[@ENGINE]", help="additional files or runs")
    parser.add_argument("--options", default="", help="options of shelfmind predict, such as '--batch auto'")
    parser.add_argument("--workers", nargs="+", type=int, default=[1, 2], help="DataLoader workers (default: 1 2)")
    parser.add_argument("--layouts", nargs="+", default=["channels_last", "contiguous"], help="(default: both)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds (default: %(default)s)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the results to this file")
    arguments = parser.parse_args()
    files = list(arguments.photos.rglob("*.jpg"))
    for file in files:
        file.read_bytes()
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out.csv"
        variants: dict[str, Callable[[], float]] = {}
        for place in [*(f"{arguments.network}/network.onnx@{engine}" for engine in arguments.engines), *arguments.ours]:
            variants[f"shelfmind {Path(place).name}"] = partial(
                ours, place, arguments.photos, out, arguments.options.split()
            )
        for layout in arguments.layouts:
            for workers in arguments.workers:
                variants[f"plain PyTorch, {layout}, {workers} workers"] = partial(
                    plain,
                    arguments.torch_python,
                    arguments.network / "weights.npz",
                    arguments.photos,
                    out,
                    workers,
                    layout,
                )
        rates = _rounds(variants, len(files), arguments.rounds)
    _report(rates, len(files))
    if arguments.json:
        arguments.json.write_text(json.dumps({"images": len(files), "rates": rates}, indent=1) + "\n")
    return 0


def _rounds(variants: dict[str, Callable[[], float]], count: int, rounds: int) -> dict[str, list[tuple[float, float]]]:
    """Return images/s without and with the start of the process, of each variant in each round."""
    rates: dict[str, list[tuple[float, float]]] = {name: [] for name in variants}
    for number in range(rounds):
        for name in list(variants) if number % 2 == 0 else reversed(variants):
            began = time.perf_counter()
            seconds = variants[name]()
            rates[name].append((count / seconds, count / (time.perf_counter() - began)))
            print(f"  round {number + 1}: {name}: {rates[name][-1][0]:.1f} images/s", flush=True)
    return rates


def _report(rates: dict[str, list[tuple[float, float]]], count: int) -> None:
    """Print medians over rounds, and ratios to the best plain variant with their range over rounds."""
    print(f"{count} photos; ratios to the best plain variant\n  {'images/s':^27}   {'with the start':^27}")
    for name, measured in rates.items():
        columns = []
        for which in (0, 1):
            plain = [one for one in rates if one.startswith("plain")]
            best = max(plain, key=lambda one, which=which: _median(rates[one], which))  # type: ignore[misc]
            ratios = [one[which] / other[which] for one, other in zip(measured, rates[best], strict=True)]
            spread = f"({min(ratios):.2f}..{max(ratios):.2f})"
            columns.append(f"{_median(measured, which):8.1f} {statistics.median(ratios):5.2f} {spread:>12}")
        print(f"  {'   '.join(columns)}  {name}")


def _median(measured: list[tuple[float, float]], which: int) -> float:
    return statistics.median(each[which] for each in measured)


if __name__ == "__main__":
    sys.exit(main())
