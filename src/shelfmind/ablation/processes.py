"""Runs each cell in a separate process, which isolates failures, leaks and crashes, and measures its cost."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import IO, Any

from shelfmind.ablation.expansion import Cell
from shelfmind.ablation.steps import Step
from shelfmind.ablation.store import Result, Store
from shelfmind.files import write_text
from shelfmind.progress import Progress
from shelfmind.requests.watching import Observer

_PROGRAM = (
    "import os, sys; cores = {int(each) for each in sys.argv[1].split(',') if each}; "
    "cores and os.sched_setaffinity(0, cores); "  # before libraries count the cores
    "from shelfmind.cli.process import prepare_process; prepare_process(); "
    "from shelfmind.ablation.worker import main; main()"
)
GRACE_PERIOD_S = 30.0
"""Grace period of a terminated process in seconds."""
REPORT_EVERY_S = 20.0
_EXCEPTION = re.compile(r"[\w.]*(Error|Exception|Exit)\b")
Task = Callable[[Cell], dict[str, Any]]


@dataclass(frozen=True)
class Failure:
    """A failed cell, and the error; `seed` is None for an ensemble."""

    row: str
    seed: int | None
    error: str


def title_of(cell: Cell) -> str:
    """The title of a cell in messages."""
    return cell.row if cell.seed is None else f"{cell.row}, seed {cell.seed}"


def shares_of_cores(jobs: int) -> list[list[int] | None]:
    """The cores of each parallel process; None for a single one, which may use all."""
    if jobs == 1 or not hasattr(os, "sched_getaffinity"):
        return [None] * jobs
    cores = sorted(os.sched_getaffinity(0))
    each = len(cores) // jobs
    return [cores[index * each : (index + 1) * each] for index in range(jobs)]


class Cells:
    """Runs the cells without a result."""

    def __init__(self, store: Store, task: Task, jobs: int, watcher: Observer) -> None:
        self.store, self.task, self.watcher = store, task, watcher
        self.free = shares_of_cores(jobs)
        self.jobs = jobs
        self.failed: dict[Step, str] = {}
        self.failures: list[Failure] = []
        self._running: dict[Future[str | None], tuple[Cell, list[int] | None]] = {}
        self._processes: set[subprocess.Popen[str]] = set()
        self._lock = threading.Lock()
        self._stopping = False
        self._progress: Progress = lambda done: None

    def work(self, cells: Iterable[Cell]) -> Generator[None, None, None]:
        """Run until each cell has a result or has failed; yields whenever one has ended."""
        pending = [cell for cell in cells if Result.load(self.store.result(cell.answer)) is None]
        self._progress = self.watcher.counter("cells of the table", len(pending), "cells")
        with ThreadPoolExecutor(self.jobs) as threads:
            try:
                while pending or self._running:
                    pending = self._start(pending, threads)
                    done, _ = wait(self._running, return_when=FIRST_COMPLETED)
                    for future in done:
                        self._end(future)
                        yield
            except BaseException:
                self._stop()
                raise

    def _start(self, pending: Sequence[Cell], threads: ThreadPoolExecutor) -> list[Cell]:
        """Start the cells that can be started; return the others."""
        left = []
        for cell in pending:
            missing = self._missing(cell)
            broken = next((step for step in missing if step in self.failed), None)
            if broken is not None:
                self._fail(cell, self.failed[broken])
            elif not self.free or self._is_running(missing):
                left.append(cell)
            else:
                cores = self.free.pop(0)
                self.watcher.note(f"{title_of(cell)}: started")
                self._running[threads.submit(self._run, cell, cores, self.task(cell))] = (cell, cores)
        return left

    def _missing(self, cell: Cell) -> list[Step]:
        return [step for step in cell.answer.all_steps() if not self.store.place(step).done]

    def _is_running(self, steps: Sequence[Step]) -> bool:
        """Whether another process is running one of these steps."""
        return any(step in self._missing(cell) for cell, _ in self._running.values() for step in steps)

    def _end(self, future: Future[str | None]) -> None:
        cell, cores = self._running.pop(future)
        self.free.append(cores)
        error = future.result()
        if error is not None:
            missing = self._missing(cell)
            if missing:
                self.failed[missing[0]] = error
            self._fail(cell, error)
        else:
            self.watcher.note(f"{title_of(cell)}: done")
            self._progress(1)

    def _fail(self, cell: Cell, error: str) -> None:
        self.failures.append(Failure(cell.row, cell.seed, error))
        self._progress(1)
        self.watcher.warn(f"{title_of(cell)} failed: {error}")

    def _run(self, cell: Cell, cores: list[int] | None, task: Mapping[str, Any]) -> str | None:
        """Run a cell until it ends; return the error, if any."""
        with tempfile.TemporaryFile() as printed:
            with self._lock:
                if self._stopping:
                    return "stopped"
                process = subprocess.Popen(
                    [sys.executable, "-c", _PROGRAM, ",".join(map(str, cores or ()))],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=printed,
                    text=True,
                    encoding="utf-8",
                )
                self._processes.add(process)
            try:
                with process:
                    return self._communicate(process, task, cell, printed)
            finally:
                self._processes.discard(process)

    def _communicate(
        self, process: subprocess.Popen[str], task: Mapping[str, Any], cell: Cell, printed: IO[bytes]
    ) -> str | None:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            print(json.dumps(task), file=process.stdin, flush=True)
        except BrokenPipeError:  # it has ended; its output has the reason
            pass
        error, reported = None, time.monotonic()
        for line in process.stdout:
            content = json.loads(line)
            error = content.get("error", error)
            if "progress" not in content or time.monotonic() - reported > REPORT_EVERY_S:
                reported = time.monotonic()
                self._report(title_of(cell), content)
        status = process.wait()
        if status == 0:
            return None
        return error or self._crashed(cell, status, printed)

    def _crashed(self, cell: Cell, status: int, printed: IO[bytes]) -> str:
        """The error of a crashed process; its output is saved to a log."""
        log = self.store.result(cell.answer).with_suffix(".log")
        printed.seek(0)
        output = printed.read().decode("utf-8", "replace")
        write_text(log, output)
        return f"the process ended with status {status}: {_last_exception(output)} (log: {log})"

    def _report(self, title: str, content: Mapping[str, Any]) -> None:
        with self._lock:
            if "warning" in content:
                self.watcher.warn(f"{title}: {content['warning']}")
            elif "note" in content:
                self.watcher.note(content["note"])
            elif "progress" in content:
                top1 = content["val_top1"]
                figure = "" if top1 is None else f", val top-1 {top1:.1%}"
                self.watcher.note(f"{title}: {content['progress']:.0%}{figure}")

    def _stop(self) -> None:
        """Terminate all processes, and kill them after the grace period."""
        with self._lock:
            self._stopping = True
            processes = list(self._processes)
        for process in processes:
            process.terminate()
        until = time.monotonic() + GRACE_PERIOD_S
        for process in processes:
            try:
                process.wait(max(0.0, until - time.monotonic()))
            except (subprocess.TimeoutExpired, KeyboardInterrupt):
                process.kill()


def _last_exception(printed: str) -> str:
    """The exception that ended a process (MindSpore may print more after it); else the last line."""
    lines = printed.strip().splitlines() or ["no output"]
    return next((line for line in reversed(lines) if _EXCEPTION.match(line)), lines[-1].strip())
