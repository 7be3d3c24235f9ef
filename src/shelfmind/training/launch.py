"""Starts a data-parallel training: MindSpore's `msrun` with a worker per device, watched and restarted."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shelfmind.errors import LostProcessError, UserError, argument, call
from shelfmind.machine.cores import available_cores
from shelfmind.machine.device import likely_device, number_of_devices
from shelfmind.machine.job import SCRATCH_HERE, STARTED_BY, WORKERS_HERE
from shelfmind.nouns import counted
from shelfmind.recipe import Recipe
from shelfmind.requests.shared import RUN_FILE
from shelfmind.requests.training import TrainRequest
from shelfmind.runs.folder import RunFolder, alone_in, require_new_folder
from shelfmind.training.events import EventReader
from shelfmind.training.watching import Watcher

LAUNCHER = "shelfmind.training.msrun"
WORKER = "shelfmind.training.worker"
POLL_S = 0.2
FORMING_S = 300
"""Seconds that the processes wait for each other at the start."""
LATE_S = 3600
"""Seconds that a process may be late for an exchange on CPUs, as when it saves to a slow disk; MindSpore's default is
30. That a process has died is noticed here."""
KILLING_S = 10
"""Maximum seconds to wait until killed processes are gone."""
LOCAL = "127.0.0.1"


@dataclass(frozen=True)
class JobFolder:
    """The files by which workers and launcher communicate; `root` is the folder."""

    root: Path

    @property
    def request(self) -> Path:
        """The request, as JSON."""
        return self.root / "request.json"

    @property
    def events(self) -> Path:
        """The events of the leader."""
        return self.root / "events.jsonl"

    @property
    def logs(self) -> Path:
        """What the processes print."""
        return self.root / "logs"

    @property
    def scratch(self) -> Path:
        """The temporary folders of the workers."""
        return self.root / "scratch"

    def process(self, rank: int) -> Path:
        """The process id of a worker, once it runs."""
        return self.root / f"{rank}.pid"

    @property
    def scheduler(self) -> Path:
        """The process id of the scheduler, once it runs."""
        return self.root / "scheduler.pid"

    def ended(self, rank: int) -> Path:
        """Exists once a worker has ended as intended."""
        return self.root / f"{rank}.ended"

    def fault(self, rank: int) -> Path:
        """The message of a worker's `UserError`."""
        return self.root / f"{rank}.fault"


def launch(request: TrainRequest, watcher: Watcher) -> None:
    """Train in `request.processes` processes on this machine; returns when the run is trained.

    Raises:
        UserError: invalid input, reported by any process.
        LostProcessError: a process died, and no restarts are left.
    """
    processes = request.processes
    require_devices(processes)
    if request.resume is None:
        require_new_folder(request.run)
    else:
        with alone_in(RunFolder(request.resume)):  # the process that leads locks it
            pass
    left = request.restarts
    while True:
        folder, keep = JobFolder(Path(tempfile.mkdtemp(prefix="shelfmind-job-"))), False
        try:
            run_job(folder, request, processes, watcher)
            return
        except LostProcessError as error:
            keep = left == 0
            if keep:
                kept = f"; their output is in {folder.logs}"
                if (request.run / RUN_FILE).exists():
                    kept += f". Resume with: {call('train', resume=str(request.run))}"
                raise LostProcessError(f"{error.message}{kept}") from None
            left -= 1
            watcher.warn(f"{error.message}; starting again from the last checkpoint, {counted(left, 'restart')} left")
            request = _again(request)
        finally:
            if not keep:
                shutil.rmtree(folder.root, ignore_errors=True)


def require_devices(processes: int) -> None:
    """Raise `UserError` for more processes than devices, or than cores on CPUs."""
    device = likely_device()
    available = available_cores() if device == "CPU" else number_of_devices(device)
    if processes > available:
        what = "core" if device == "CPU" else f"{device} device"
        raise UserError(f"{argument('devices', processes)} needs {processes} {what}s; this machine has {available}")


def run_job(folder: JobFolder, request: TrainRequest, processes: int, watcher: Watcher) -> None:
    """Run one job to its end, and leave none of its processes behind."""
    folder.request.write_text(json.dumps(_as_json(request)), encoding="utf-8")
    port = free_port() if request.port is None else _checked_port(request.port)
    own = {WORKERS_HERE: str(processes), SCRATCH_HERE: str(folder.scratch), STARTED_BY: str(os.getpid())}
    given = {"GLOG_v": "3", "MS_NODE_TIMEOUT": str(LATE_S), **os.environ}  # errors go to the log files
    environment = {**given, **own}
    environment["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    numbers = {"worker_num": processes, "local_worker_num": processes, "master_port": port}
    options = {**numbers, "master_addr": LOCAL, "join": True, "log_dir": folder.logs, "cluster_time_out": FORMING_S}
    options["tail_worker_log"] = processes  # no worker's: msrun would leave processes behind that repeat the logs
    command = [sys.executable, "-m", LAUNCHER, *(f"--{name}={value}" for name, value in options.items())]
    command += ["python", "-m", WORKER, str(folder.root)]
    folder.logs.mkdir()
    folder.scratch.mkdir()
    with open(folder.logs / "msrun.log", "wb") as log:
        job = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
    events = EventReader(folder.events, watcher)
    try:
        while job.poll() is None:
            events.read()
            _require_alive(folder, processes)
            if all(folder.ended(rank).exists() for rank in range(processes)):
                break
            time.sleep(POLL_S)
        events.read()
        _require_alive(folder, processes)
        missing = [rank for rank in range(processes) if not folder.ended(rank).exists()]
        if missing:
            raise LostProcessError(f"process {missing[0]} of {processes} did not start or ended without a result")
    finally:
        end_job(folder, job, processes)


def end_job(folder: JobFolder, job: subprocess.Popen[bytes], processes: int) -> None:
    """Kill what is left of a job: workers, which are sessions of their own, then msrun and the scheduler.

    Once they are gone, the workers' temporary folders are deleted.
    """
    files = [folder.process(rank) for rank in range(processes)]
    workers = [int(file.read_text()) for file in files if file.exists()]
    for number in workers:
        _kill(number, os.kill)
    _kill(job.pid, os.killpg)
    job.wait()
    latest = time.monotonic() + KILLING_S
    while any(map(_runs, workers)) and time.monotonic() < latest:
        time.sleep(POLL_S / 10)
    shutil.rmtree(folder.scratch, ignore_errors=True)


def free_port() -> int:
    """A port that is free now."""
    with socket.socket() as probe:
        probe.bind((LOCAL, 0))
        port: int = probe.getsockname()[1]
        return port


def _checked_port(port: int) -> int:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOCAL, port))
        except OSError as error:
            raise UserError(f"{argument('port', port)} cannot be used: {error.strerror}; choose another one") from error
    return port


def _require_alive(folder: JobFolder, processes: int) -> None:
    """Raise the `UserError` of a worker, or `LostProcessError` if one or the scheduler is gone."""
    connected = _is_there(folder.scheduler)  # it ends after the workers, so it is looked at before them
    for rank in range(processes):
        if folder.fault(rank).exists():
            raise UserError(folder.fault(rank).read_text(encoding="utf-8"))
    for rank in range(processes):
        if folder.ended(rank).exists() or _is_there(folder.process(rank)):
            continue
        if not folder.ended(rank).exists() and not folder.fault(rank).exists():
            number = folder.process(rank).read_text()
            raise LostProcessError(f"process {rank} of {processes} (pid {number}) died")
    if not connected and not all(folder.ended(rank).exists() for rank in range(processes)):
        raise LostProcessError(f"the scheduler of the processes (pid {folder.scheduler.read_text()}) died")


def _is_there(file: Path) -> bool:
    """Whether the process with the id in the file runs, or has not started yet."""
    return not file.exists() or _runs(int(file.read_text()))


def _runs(number: int) -> bool:
    """Whether the process exists and is no zombie."""
    try:
        state = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return not Path("/proc/self/stat").exists()  # without /proc, msrun notices it
    return state not in ("Z", "X")


def _kill(number: int, how: Any) -> None:
    try:
        how(number, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass


def _as_json(request: TrainRequest) -> dict[str, Any]:
    """The arguments for the workers; a recipe that is no name goes along as a whole."""
    given = request.model_dump(mode="json", exclude_unset=True, exclude={"devices", "restarts", "port", "track"})
    if isinstance(request.recipe, Recipe):
        given["recipe"] = {"whole": request.recipe.model_dump(mode="json")}
    return given


def _again(request: TrainRequest) -> TrainRequest:
    """The request that continues a failed job: resuming, or the same if training has not begun.

    A folder in which it has not begun counts as empty, see `create_run_folder`.
    """
    if not (request.run / RUN_FILE).exists():
        return request
    return TrainRequest(resume=request.run, devices=request.processes, track=request.track, port=request.port)
