"""Check whether training memory grows: peak resident memory of each epoch at a fixed batch size.

    .venv/bin/python benchmarks/memory.py --epochs 20 --json memory.json

A separate process trains a small recipe at one image size on synthetic photos, with validation and checkpoints as
usual. Its resident memory is sampled 50 times per second from outside. Prints the peak of each epoch, in total and
without pages shared with files (libraries, decoded photos), and the growth from epoch 2, and from the middle, to the
last epoch. Exit status 1 if memory grew by more than ``--allowed-mib`` from epoch 2.
"""

from __future__ import annotations

import argparse
import json
import queue
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import psutil
from command import parser_of

from shelfmind import generate
from shelfmind.errors import UserError

MIB = 2**20
SAMPLE_S = 0.02
OVERRIDES = ("data.image_size=64", "data.resize_to=72", "data.evaluation_size=64", "train.stages=[]")


@dataclass(frozen=True)
class Peak:
    """Peak memory of a process, in total and without pages shared with files."""

    rss_mib: float = 0.0
    own_mib: float = 0.0


def train_and_tell(data: str, out: str, recipe: str, epochs: str, overrides: list[str]) -> None:
    """Run the training process, which prints a line after each epoch."""
    from shelfmind.cli.process import share_memory_arenas
    from shelfmind.machine.device import start_mindspore

    share_memory_arenas()  # as the command does
    start_mindspore()
    from shelfmind.training.run import train
    from shelfmind.training.watching import EpochEntry, Watcher

    class Teller(Watcher):
        def epoch(self, entry: EpochEntry) -> None:
            print(json.dumps(entry), flush=True)

    try:
        train(data, recipe=recipe, out=out, epochs=int(epochs), overrides=overrides, watcher=Teller())
    except UserError as error:
        sys.exit(f"error: {error}")


def _pass_on(output: IO[str], lines: queue.Queue[str]) -> None:
    for line in output:
        lines.put(line)


def peaks_by_epoch(command: list[str]) -> list[Peak]:
    """Run `command`, which prints a line per epoch, and return the peak resident memory of each epoch."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    lines: queue.Queue[str] = queue.Queue()
    assert process.stdout is not None
    threading.Thread(target=_pass_on, args=(process.stdout, lines), daemon=True).start()
    watched, peaks, peak = psutil.Process(process.pid), [], Peak()
    while process.poll() is None:
        try:
            memory = watched.memory_info()
        except psutil.NoSuchProcess:
            break
        peak = Peak(max(peak.rss_mib, memory.rss / MIB), max(peak.own_mib, (memory.rss - memory.shared) / MIB))
        while not lines.empty():
            if lines.get().startswith('{"epoch"'):
                peaks.append(peak)
                print(f"  epoch {len(peaks):3}  {peak.rss_mib:8.1f} MiB, {peak.own_mib:8.1f} not shared", flush=True)
                peak = Peak()
        time.sleep(SAMPLE_S)
    if process.wait():
        raise UserError(f"the training process ended with status {process.returncode}")
    return peaks


def main() -> int:
    """Run the measurement. Return the exit status."""
    arguments = _arguments()
    overrides = [*OVERRIDES, f"train.batch_size={arguments.batch_size}", *arguments.set]
    try:
        with tempfile.TemporaryDirectory() as folder:
            data, out = Path(folder) / "photos", Path(folder) / "run"
            generate(data, images=arguments.images)
            told = [str(data), str(out), arguments.recipe, str(arguments.epochs), *overrides]
            print(f"recipe {arguments.recipe}, {' '.join(overrides)}: peak resident memory", flush=True)
            peaks = peaks_by_epoch([sys.executable, str(Path(__file__).resolve()), "--trained", *told])
        last, middle = peaks[-1].rss_mib, peaks[len(peaks) // 2 - 1].rss_mib
        growth = last - peaks[1].rss_mib
        print(
            f"epoch 2: {peaks[1].rss_mib:.1f} MiB, epoch {len(peaks)}: {last:.1f} MiB, difference {growth:+.1f} MiB "
            f"({growth / peaks[1].rss_mib:+.2%}), of it since epoch {len(peaks) // 2}: {last - middle:+.1f} MiB"
        )
        if arguments.json:
            content = {"settings": vars(arguments), "peaks": [vars(peak) for peak in peaks], "difference_mib": growth}
            Path(arguments.json).write_text(json.dumps(content, indent=1) + "\n")
    except (UserError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return int(growth > arguments.allowed_mib)


def _arguments() -> argparse.Namespace:
    parser = parser_of(__doc__)
    parser.add_argument("--recipe", default="demo", help="recipe to train (default: %(default)s)")
    parser.add_argument("--epochs", type=int, default=20, help="at least 3 (default: %(default)s)")
    parser.add_argument("--batch-size", type=int, default=32, help="images per step (default: %(default)s)")
    parser.add_argument("--images", type=int, default=480, help="photos to generate (default: %(default)s)")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change a recipe value")
    parser.add_argument("--allowed-mib", type=float, default=4, help="tolerated growth (default: 4)")
    parser.add_argument("--json", metavar="FILE", help="also write the results to this file")
    parser.add_argument("--quick", action="store_true", help="smoke test: 3 epochs of 64 photos, batch size 8")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.epochs, arguments.images, arguments.batch_size = 3, 64, 8
    if arguments.epochs < 3:
        parser.error("--epochs must be at least 3")
    return arguments


if __name__ == "__main__":
    if sys.argv[1:2] == ["--trained"]:
        data, out, recipe, epochs, *changes = sys.argv[2:]
        train_and_tell(data, out, recipe, epochs, changes)
    else:
        sys.exit(main())
