"""Kill random processes of trainings in two processes at random times: does the job end, and is its result unchanged?

    python benchmarks/faults_processes.py --rounds 20 --out faults

In every round `shelfmind train --devices 2` loses one of its processes, chosen at random: the command itself, the
scheduler, or one of the workers, after a random part of the time of an undisturbed job. Half of the rounds have
`--restarts 1`: the command must then finish the training by itself, unless it was killed. In the others it must end
within a minute. No process may remain in any round. Training is resumed if it is not finished; weights, averages and
optimizer state must then be those of the undisturbed job. Before that, each process of a training that would go on for
hours is killed once, and all others must be gone within ten seconds. Needs Linux.

    python benchmarks/faults_processes.py --rounds 0     # only that
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from command import exit_status, parser_of
from faults_inputs import write_photos
from faults_place import COMMAND
from faults_scenarios import TINY

from shelfmind.errors import UserError
from shelfmind.files import write_json
from shelfmind.runs.folder import RunFolder

PATIENCE_S = 60.0
"""How long a job may take to end after a process was killed."""
SOON_S = 10.0
"""How long processes may outlive a killed one of a job that does not restart."""
TRAIN = ("--seed", "3", *TINY, "--set", "train.epochs=6", "--set", "train.sync_batch_norm=true")


class Job:
    """The trainings of one folder of photos, in a folder of its own for each round."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        write_photos(folder / "photos")
        began = time.monotonic()
        whole = self.started("whole", "train", "photos", "--devices", "2", "--out", "whole", *TRAIN)
        _, said = whole.communicate()
        if whole.returncode:
            raise UserError(f"the training fails undisturbed: {said}")
        self.seconds = time.monotonic() - began
        self.weights = _weights(folder / "whole")

    def started(self, name: str, *words: str) -> subprocess.Popen[str]:
        """Start a command, marked in its environment so that all its processes are found."""
        temporary = self.folder / "tmp" / name
        temporary.mkdir(parents=True, exist_ok=True)
        return subprocess.Popen(
            [*COMMAND, *words],
            cwd=self.folder,
            env={**os.environ, "TMPDIR": str(temporary), "SHELFMIND_CACHE": str(self.folder / "cache" / name)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def processes(self, name: str) -> list[int]:
        """All processes of a round."""
        mark = f"TMPDIR={self.folder / 'tmp' / name}".encode()
        found = []
        for path in Path("/proc").glob("[0-9]*/environ"):
            try:
                if mark in path.read_bytes().split(b"\0"):
                    found.append(int(path.parent.name))
            except OSError:
                continue  # has ended, or belongs to another user
        return sorted(found)


def ended(job: Job, seconds: list[float]) -> Iterator[str]:
    """Kill each process of a long training once, resuming it in between; yields what is wrong."""
    words = ("photos", "--out", "long", *TRAIN, "--set", "train.epochs=1000000")
    for place in range(5):  # the command, msrun, the scheduler, two workers
        command = job.started("long", "train", *words, "--devices", "2")
        words = ("--resume", "long")
        saved = _saved(job.folder / "long")
        while _saved(job.folder / "long") == saved:
            if command.poll() is not None:
                yield f"the long training ends by itself: {command.communicate()[1][-2000:]}"
                return
            time.sleep(0.05)
        os.kill(job.processes("long")[place], signal.SIGKILL)
        began = time.monotonic()
        while job.processes("long") and time.monotonic() < began + PATIENCE_S:
            command.poll()
            time.sleep(0.01)
        seconds.append(round(time.monotonic() - began, 2))
        if seconds[-1] > SOON_S:
            yield f"{len(job.processes('long'))} processes outlive process {place} by {seconds[-1]} s"
            for pid in job.processes("long"):
                os.kill(pid, signal.SIGKILL)
        command.communicate()


def _saved(run: Path) -> float:
    """When a run was saved last."""
    state = RunFolder(run).state
    return state.stat().st_mtime if state.exists() else 0.0


def disturbed(job: Job, name: str, rng: random.Random, restarts: bool, counts: Counter[str]) -> Iterator[str]:
    """One round; yields what is wrong."""
    options = ("--restarts", "1") if restarts else ()
    command = job.started(name, "train", "photos", "--devices", "2", "--out", name, *options, *TRAIN)
    delay = rng.uniform(0.0, job.seconds)
    try:
        command.wait(delay)
    except subprocess.TimeoutExpired:
        killed = rng.choice(job.processes(name))
        where = "the command" if killed == command.pid else "another process"
        os.kill(killed, signal.SIGKILL)
    else:
        killed, where = 0, "nothing: it had ended"
    counts[where] += 1
    began = time.monotonic()
    finishes = restarts and killed != command.pid
    try:
        _, said = command.communicate(timeout=PATIENCE_S + (2 * job.seconds if finishes else 0.0))
    except subprocess.TimeoutExpired:
        yield "the command did not end"
        command.kill()
        _, said = command.communicate()
    print(f"{name}: {where} killed after {delay:.1f} s, status {command.returncode}", flush=True)
    while job.processes(name) and time.monotonic() < began + PATIENCE_S:
        time.sleep(0.1)
    counts[f"status {command.returncode}"] += 1
    if not finishes:
        counts["slowest end, ms"] = max(counts["slowest end, ms"], int(1000 * (time.monotonic() - began)))
    left = job.processes(name)
    if left:
        yield f"{len(left)} processes remain after {PATIENCE_S:.0f} s"
        for pid in left:
            os.kill(pid, signal.SIGKILL)
    if killed and finishes and command.returncode:
        yield f"was not restarted: {said[-2000:]}"
    if command.returncode > 1:
        yield f"status {command.returncode}: {said[-2000:]}"
    yield from _resumed(job, name)
    try:
        if _weights(job.folder / name) != job.weights:
            yield "other weights than undisturbed"
    except UserError as error:
        yield error.message


def _resumed(job: Job, name: str) -> Iterator[str]:
    run = RunFolder(job.folder / name)
    begun = run.recipe.exists()
    words = ("--resume", name) if begun else ("photos", "--out", name, *TRAIN)
    if begun and any(entry["progress"] == 1.0 for entry in run.read_log()) and (run.root / "metrics.json").exists():
        return
    again = job.started(name, "train", *words, "--devices", "2")
    _, said = again.communicate()
    if again.returncode:
        yield f"resuming failed ({again.returncode}): {said[-2000:]}"


def _weights(run: Path) -> str:
    """Return the checksums of the arrays of all checkpoints. Raises `UserError` if one cannot be read."""
    code = (
        "import json, sys; from faults_scenarios import weights; from pathlib import Path; "
        "print(json.dumps(weights(Path(sys.argv[1]))))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(run)], cwd=Path(__file__).parent, capture_output=True, text=True
    )
    found = done.stdout.strip().splitlines()
    if done.returncode or "state.ckpt" not in found[-1]:
        raise UserError(f"the checkpoints of {run} cannot be read: {done.stderr[-2000:]}")
    return found[-1]


def main() -> None:
    """Run the rounds and write the counts."""
    parser = parser_of(__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("faults"), help="folder for the counts")
    given: argparse.Namespace = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    rng, counts = random.Random(given.seed), Counter[str]()
    faults: list[str] = []
    with tempfile.TemporaryDirectory(prefix="faults-") as scratch:
        job, seconds = Job(Path(scratch)), list[float]()
        faults += ended(job, seconds)
        print(f"gone after {seconds} s", flush=True)
        for number in range(given.rounds):
            name = f"round {number}"
            found = list(disturbed(job, name, rng, bool(number % 2), counts))
            faults += [f"{name}: {fault}" for fault in found]
            print(f"{name}: {'; '.join(found) or 'nothing'}", flush=True)
            for place in (job.folder, job.folder / "tmp", job.folder / "cache"):
                shutil.rmtree(place / name, ignore_errors=True)
    figures: dict[str, Any] = {
        "rounds": given.rounds,
        "seed": given.seed,
        **counts,
        "gone_after_s": seconds,
        "faults": faults,
    }
    write_json(given.out / f"kill two processes {given.seed}.json", figures)
    print(figures)


if __name__ == "__main__":
    sys.exit(exit_status(main))
