"""Inject faults: `kill -9`, a full disk, a read-only folder, and a clock that is set back.

    python benchmarks/faults.py kill --scenario gallery --rounds 50 --out faults
    python benchmarks/faults.py full-disk --rounds 5 --out faults
    python benchmarks/faults.py clock --faketime libfaketime.so.1 --rounds 3 --out faults

Every round runs a job (`faults_scenarios.py`) in a fresh folder and disturbs it: half of the kills come after a
random time, half before a random change of a file. Then everything that is there must open and verify, nothing
acknowledged may be lost, and the same command must end with the same result as an undisturbed job, without leftovers.
Needs Linux; a full disk and a read-only folder are file systems in memory, which only root can mount.
`faults_flips.py` flips bits.
"""

from __future__ import annotations

import one_thread  # noqa: F401 - before NumPy

# isort: split
import argparse
import os
import random
import subprocess
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from command import exit_status, parser_of
from faults_inputs import write_inputs
from faults_place import Ended, Place
from faults_scenarios import SCENARIOS, import_all

from shelfmind.errors import UserError
from shelfmind.files import write_json
from shelfmind.images.square_cache import SquareCache
from shelfmind.recipe import DataRecipe
from shelfmind.runs.folder import CACHES

MEGABYTES = 256
"""The size of the file system of a full or read-only disk."""


class Job:
    """A scenario in a place, its undisturbed result, and the faults found in disturbed rounds."""

    def __init__(self, name: str, place: Place, seed: int) -> None:
        self.scenario, self.place = SCENARIOS[name], place
        self.rng, self.counts, self.faults = random.Random(f"{seed}:{name}"), Counter[str](), list[str]()
        place.renew()
        before = place.bytes()
        self.whole = place.run(self.scenario.works)
        if self.whole.status:
            raise UserError(f"the scenario {name} fails undisturbed: {self.whole.said}")
        self.needed = place.bytes() - before
        self.result, self.files = self.scenario.result(place), place.files()

    def resume(self, ended: Ended, run: Callable[..., Ended] | None = None) -> Iterator[str]:
        """Check what is there, run the rest of the job, and compare. Yield what is wrong."""
        yield from self.scenario.faults(self.place, ended)
        works = self.scenario.resumed(self.place, ended)
        again = (run or self.place.run)(works) if works else ended
        if works and again.status:
            yield f"resuming failed ({again.status}): {again.said[-2000:]}"
            return
        result = self.scenario.result(self.place)
        if result != self.result:
            yield f"another result than undisturbed: {result} instead of {self.result}"
        left = self._left()
        if left:
            self._wait_a_day(left)
            self.counts["left until a day later"] += 1
        yield from (f"left over: {name}" for name in self._left())

    def _left(self) -> list[str]:
        """Files that an undisturbed job does not leave, except cached ones."""
        more = self.place.files() - self.files
        return sorted(name for name in more if not _is_cached(self.place, name))

    def _wait_a_day(self, left: list[str]) -> None:
        """Caches and galleries keep what may still be in use for a day: make it older, and use them again."""
        for name in left:
            os.utime(self.place.root / name, (0, 0))
        SquareCache(self.place.cache / "squares", DataRecipe()).make_room(2**40)
        if (self.place.root / "shelf").exists():
            self.place.run([["gallery", "compact", "shelf"]])
            self.files |= {name for name in self.place.files() if name.startswith("shelf/") and "/." not in name}


def _is_cached(place: Place, name: str) -> bool:
    """Whether a file is part of a cache whose names depend on times, or are random."""
    path = place.root / name
    if name.startswith(tuple(f"run/{cache}" for cache in CACHES)):
        return path.suffix == ".npz" and not path.name.startswith(".")
    whole = path.with_suffix(".npy").exists() and path.with_suffix(".index").exists()
    return name.startswith("cache/squares") and whole and not path.name.startswith(".")


def kill(job: Job) -> Iterator[str]:
    """Kill the job after a random time, or before a random change."""
    by_step = job.rng.random() < 0.5
    step, after = job.rng.randint(1, job.whole.steps + 1), job.rng.random() * job.whole.seconds
    ended = job.place.run(job.scenario.works, *((step, None) if by_step else (None, after)))
    job.counts["killed before a change" if by_step else "killed after a time"] += ended.status < 0
    job.counts["ended before"] += ended.status == 0
    where = f"step {step} of {job.whole.steps}" if by_step else f"{after:.2f} of {job.whole.seconds:.2f} s"
    yield from (f"{where}: {fault}" for fault in job.resume(ended))


def full_disk(job: Job) -> Iterator[str]:
    """Run the job on a disk that is full after a random part of what it needs, then free the space and resume."""
    status, filler = os.statvfs(job.place.root), job.place.root / "filler"
    left = int(job.rng.random() * job.needed)
    with open(filler, "wb") as stream:
        os.posix_fallocate(stream.fileno(), 0, max(1, status.f_bavail * status.f_frsize - left))
    ended = job.place.run(job.scenario.works)
    job.counts["refused" if ended.status else "succeeded"] += 1
    filler.unlink()
    if ended.status and (ended.status != 2 or "Traceback" in ended.said or "no space left" not in ended.said.lower()):
        yield f"{left:,} of {job.needed:,} bytes free: status {ended.status}: {ended.said[-1500:]}"
    yield from job.resume(ended)


def read_only(job: Job) -> Iterator[str]:
    """Run the job in a folder that cannot be written, with the cache in it or elsewhere."""
    if job.rng.random() < 0.5:
        job.place.cache = job.place.aside / "cache"
    before = job.place.files()
    with _remounted(job.place.root):
        ended = job.place.run(job.scenario.works)
    job.place.cache = job.place.root / "cache"
    job.counts["refused"] += ended.status == 2
    if ended.status != 2 or "Traceback" in ended.said or "read-only" not in ended.said.lower():
        yield f"status {ended.status}: {ended.said[-1500:]}"
    if job.place.files() != before:
        yield "files have changed"


def clock(job: Job, library: Path) -> Iterator[str]:
    """Kill the job before a random change, and finish it with a clock that is three days behind."""
    ended = job.place.run(job.scenario.works, job.rng.randint(1, job.whole.steps))
    job.counts["killed"] += ended.status < 0
    variables = {"LD_PRELOAD": str(library.absolute()), "FAKETIME": "-3d", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    yield from job.resume(ended, lambda works: job.place.run_later(works, variables))


@contextmanager
def _remounted(place: Path) -> Iterator[None]:
    subprocess.run(["mount", "-o", "remount,ro", place], check=True)
    try:
        yield
    finally:
        subprocess.run(["mount", "-o", "remount,rw", place], check=True)


@contextmanager
def disk(place: Path, needed: bool) -> Iterator[None]:
    """A small file system in memory at this place, if it is needed."""
    place.mkdir(exist_ok=True)
    if needed:
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={MEGABYTES}m", "tmpfs", place], check=True)
    try:
        yield
    finally:
        if needed:
            subprocess.run(["umount", "-l", place], check=True)


def rounds_of(job: Job, disturb: Callable[[Job], Iterator[str]], rounds: int, name: str) -> None:
    """Disturb the job this many times; note what is wrong."""
    for number in range(1, rounds + 1):
        job.place.renew()
        try:
            found = list(disturb(job))
        except Exception:
            found = [traceback.format_exc()]
        job.counts["rounds"] += 1
        job.faults += found
        print(f"{name}, round {number} of {rounds}: {'; '.join(found) or 'nothing'}", flush=True)


def main() -> None:
    """Run the rounds of each scenario, and write the counts."""
    parser = parser_of(__doc__)
    parser.add_argument("fault", choices=["kill", "full-disk", "read-only", "clock"])
    parser.add_argument("--scenario", action="append", choices=list(SCENARIOS), help="may be repeated; default: all")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("faults"), help="folder for the counts")
    parser.add_argument("--faketime", type=Path, help="libfaketime.so.1, for a clock that is set back")
    given: argparse.Namespace = parser.parse_args()
    if given.fault == "clock" and given.faketime is None:
        raise UserError("a clock that is set back needs --faketime")
    disturb: dict[str, Callable[[Job], Iterator[str]]] = {
        "kill": kill, "full-disk": full_disk, "read-only": read_only, "clock": lambda job: clock(job, given.faketime),
    }  # fmt: skip
    names = given.scenario or list(SCENARIOS)
    given.out.mkdir(parents=True, exist_ok=True)
    import_all(any(SCENARIOS[name].mindspore for name in names))
    with tempfile.TemporaryDirectory(prefix="faults-") as scratch:
        for name in names:
            needs = SCENARIOS[name].needs
            inputs, root = Path(scratch) / " ".join(sorted(needs)), Path(scratch) / "place"
            with disk(root, given.fault in ("full-disk", "read-only")):
                place = Place(root, inputs)
                write_inputs(place, needs)
                job = Job(name, place, given.seed)
                rounds_of(job, disturb[given.fault], given.rounds, name)
            figures = {**job.counts, "seed": given.seed, "steps": job.whole.steps, "faults": job.faults}
            write_json(given.out / f"{given.fault} {name} {given.seed}.json", figures)
            print({name: {**figures, "faults": len(job.faults)}}, flush=True)


if __name__ == "__main__":
    sys.exit(exit_status(main))
