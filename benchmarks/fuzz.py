"""Fuzz everything that shelfmind parses: photos, recipes, lists, logs, predictions, exported files and galleries.

    python benchmarks/fuzz.py --inputs 1000000 --out fuzz
    python benchmarks/fuzz.py --minimise fuzz/findings/image-123 --parser image

Each input is a valid file after a few random mutations, determined by the seed, the parser and its number. Allowed are
a result and shelfmind's own errors (`UserError`, `BadImage`). A finding is any other exception, a crash of the process,
2 s of CPU time, or 1 GB of memory. Worker processes parse, so that a crash is noticed and its input kept. The same
command resumes an interrupted one. Findings of one kind are counted together, and the first inputs of each are kept.
"""

from __future__ import annotations

import one_thread  # noqa: F401 - before NumPy

# isort: split
import argparse
import json
import mmap
import multiprocessing
import multiprocessing.connection
import os
import random
import resource
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from command import exit_status, parser_of
from fuzz_mutations import mutated
from fuzz_parsers import PARSERS, YAML, Parser

import shelfmind
from shelfmind.errors import UserError
from shelfmind.files import write_json
from shelfmind.images.decoding import NO_MEMORY, BadImage

__all__ = ["PARSERS", "YAML"]
PACKAGE = Path(shelfmind.__file__).parent
BLOCK = 500
"""Inputs between two reports of a worker."""
SLOW_S, HANGING_S = 2.0, 20.0
MEMORY_BYTES = 2**30
KEPT = 3
"""Inputs kept of each kind of finding."""


def input_of(parser: Parser, seeds: list[bytes], name: str, seed: int, number: int) -> bytes:
    """Return an input by its number."""
    return mutated(random.Random(f"{seed}:{name}:{number}"), seeds, parser.tokens)


def fault_of(parse: Callable[[bytes], object], content: bytes) -> str | None:
    """Parse, and return the kind of finding, or None if there is none."""
    started, peak = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        parse(content)
    except (UserError, BadImage) as error:
        if isinstance(error.__cause__, MemoryError) or getattr(error, "reason", "") == NO_MEMORY:
            return "memory: an allocation failed"
    except Exception as error:
        return f"{type(error).__name__} in {_place_of(error)}"
    if time.process_time() - started > SLOW_S:
        return "slow"
    if (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak) * 1024 > MEMORY_BYTES:
        return "memory"
    return None


def _place_of(error: BaseException) -> str:
    """The innermost function of shelfmind in the traceback."""
    frames = [
        f"{Path(each.filename).stem}.{each.name}"
        for each in traceback.extract_tb(error.__traceback__)
        if PACKAGE in Path(each.filename).parents
    ]
    return frames[-1] if frames else "its caller"


def work(name: str, seed: int, start: int, count: int, current: mmap.mmap, report: Any) -> None:
    """Parse inputs in a process of its own; report the findings as (number, kind), then the number of inputs."""
    resource.setrlimit(
        resource.RLIMIT_AS, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 + 4 * MEMORY_BYTES,) * 2
    )
    os.chdir(tempfile.mkdtemp(dir="."))
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # libtiff describes each damaged file
    parser = PARSERS[name]
    seeds = parser.seeds()
    for number in range(start, start + count):
        current[:8] = number.to_bytes(8, "little")
        found = fault_of(parser.parse, input_of(parser, seeds, name, seed, number))
        if found is not None:
            report.send((number, found))
            if found.startswith("memory"):  # the peak hides the next one
                break
    report.send((int.from_bytes(current[:8], "little") + 1, None))


@dataclass
class Progress:
    """The next input of each parser, seconds of CPU time, and findings: kind -> number of inputs and kept files."""

    seed: int
    following: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    findings: dict[str, dict[str, Any]] = field(default_factory=dict)

    def note(self, name: str, number: int, kind: str, folder: Path) -> None:
        """Count a finding; keep its input if it is among the first."""
        found = self.findings.setdefault(f"{name}: {kind}", {"inputs": 0, "kept": []})
        found["inputs"] += 1
        if len(found["kept"]) < KEPT:
            file = folder / f"{name.replace(', ', '-').replace(' ', '_')}-{number}"
            parser = PARSERS[name]
            file.write_bytes(input_of(parser, parser.seeds(), name, self.seed, number))
            found["kept"].append(file.name)
            print(f"found {name}, input {number}: {kind}", flush=True)


def run_block(name: str, progress: Progress, count: int, folder: Path) -> None:
    """Run the next inputs of a parser in a new process, and note what it finds."""
    context = multiprocessing.get_context("fork")
    start, current = progress.following.get(name, 0), mmap.mmap(-1, 8)
    current[:8] = start.to_bytes(8, "little")
    receive, send = context.Pipe(duplex=False)
    worker = context.Process(target=work, args=(name, progress.seed, start, count, current, send))
    worker.start()
    send.close()
    done, before = None, resource.getrusage(resource.RUSAGE_CHILDREN)
    last, since = -1, 0.0
    with suppress(EOFError):  # a crash closes the pipe
        while done is None:
            receive.poll(1.0)
            number = int.from_bytes(current[:8], "little")
            used = _cpu_seconds(worker.pid)
            last, since = (number, used) if number != last else (last, since)
            if used - since > HANGING_S and worker.pid is not None:
                os.kill(worker.pid, signal.SIGKILL)
                progress.note(name, number, "hangs", folder)
                done = number + 1
            while done is None and receive.poll():
                number, kind = receive.recv()
                if kind is None:
                    done = number
                else:
                    progress.note(name, number, kind, folder)
    worker.join()
    if done is None:
        number = int.from_bytes(current[:8], "little")
        progress.note(name, number, f"crash, exit status {worker.exitcode}", folder)
        done = number + 1
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    progress.seconds[name] = (
        progress.seconds.get(name, 0.0) + after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    )
    progress.following[name] = done


def _cpu_seconds(process: int | None) -> float:
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def fuzz(inputs: int, seed: int, out: Path, names: list[str]) -> Progress:
    """Run this many inputs, shared among the parsers; resumes an earlier call."""
    folder, file = out / "findings", out / "progress.json"
    folder.mkdir(parents=True, exist_ok=True)
    progress = Progress(**json.loads(file.read_text())) if file.exists() else Progress(seed)
    if progress.seed != seed:
        raise UserError(f"{out} was begun with the seed {progress.seed}; choose another folder")
    whole = sum(PARSERS[name].share for name in names)
    wanted = {name: -(-inputs * PARSERS[name].share // whole) for name in names}
    with tempfile.TemporaryDirectory() as scratch:
        home = Path.cwd()
        file, folder = file.absolute(), folder.absolute()
        os.chdir(scratch)
        try:
            while left := {name: wanted[name] - progress.following.get(name, 0) for name in names}:
                name = max(left, key=lambda each: left[each] / wanted[each])
                if left[name] <= 0:
                    break
                run_block(name, progress, min(BLOCK * PARSERS[name].share // 10, left[name]), folder)
                write_json(file, vars(progress))
                print(f"{sum(progress.following.values()):,} of {sum(wanted.values()):,} inputs", flush=True)
        finally:
            os.chdir(home)
    return progress


def minimised(parse: Callable[[bytes], object], content: bytes) -> bytes:
    """Remove parts of an input as long as it has the same kind of fault."""
    kind, size = fault_of(parse, content), len(content) // 2
    if kind is None:
        raise UserError("this input has no fault; choose the parser that it was found with")
    while size:
        at = 0
        while at < len(content):
            shorter = content[:at] + content[at + size :]
            if fault_of(parse, shorter) == kind:
                content = shorter
            else:
                at += size
        size //= 2
    return content


def main() -> None:
    """Run, or minimise an input."""
    parser = parser_of(__doc__)
    parser.add_argument("--inputs", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("fuzz"))
    parser.add_argument("--parser", action="append", choices=list(PARSERS), help="only this one; may be repeated")
    parser.add_argument("--minimise", type=Path, metavar="INPUT")
    given: argparse.Namespace = parser.parse_args()
    if given.minimise is not None:
        (name,) = given.parser or [None]
        content = given.minimise.read_bytes()
        with tempfile.TemporaryDirectory() as scratch:
            os.chdir(scratch)
            shorter = minimised(PARSERS[name].parse, content)
        given.minimise.with_suffix(".min").write_bytes(shorter)
        print(f"{len(content):,} bytes, minimised to {len(shorter):,}: {shorter[:200]!r}")
        return
    progress = fuzz(given.inputs, given.seed, given.out, given.parser or list(PARSERS))
    for name in progress.following:
        print(f"{name}: {progress.following[name]:,} inputs, {progress.seconds[name]:.0f} s")
    for kind, found in progress.findings.items():
        print(f"{kind}: {found['inputs']:,} inputs, such as {found['kept'][0]}")


if __name__ == "__main__":
    sys.exit(exit_status(main))
