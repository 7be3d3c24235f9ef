"""What a job of several processes leaves behind: only the logs of a process that died."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from shelfmind.errors import LostProcessError, UserError
from shelfmind.machine.job import SCRATCH_HERE, STARTED_BY
from shelfmind.requests.shared import RUN_FILE
from shelfmind.requests.training import TrainRequest
from shelfmind.runs.folder import RunFolder, alone_in
from shelfmind.training import launch as launching
from shelfmind.training.launch import JobFolder, _require_alive, end_job, launch, run_job
from shelfmind.training.together import scratch_folder
from shelfmind.training.watching import Watcher


@pytest.fixture
def temporary(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The folder for temporary files."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch, temporary: Path) -> list[BaseException | None]:
    """How the next jobs end, the last one first; each writes a log."""
    ends: list[BaseException | None] = []

    def run(folder: JobFolder, *_: object) -> None:
        folder.logs.mkdir()
        (folder.logs / "worker_0.log").write_text("all there is to know")
        end = ends.pop()
        if end is not None:
            raise end

    monkeypatch.setattr(launching, "run_job", run)
    monkeypatch.setattr(launching, "require_devices", lambda _: None)
    return ends


def request(tmp_path: Path, restarts: int = 0) -> TrainRequest:
    return TrainRequest(data="photos", out=tmp_path / "run", devices=2, restarts=restarts)


@pytest.mark.parametrize("end", [UserError("5 images cannot be divided"), KeyboardInterrupt(), OSError("disk full")])
def test_a_job_that_is_stopped_leaves_nothing(
    end: BaseException, jobs: list[BaseException | None], temporary: Path, tmp_path: Path
) -> None:
    jobs.append(end)
    with pytest.raises(type(end)):
        launch(request(tmp_path), Watcher())
    assert list(temporary.iterdir()) == []


def test_restarted_jobs_leave_nothing_once_one_succeeds(
    jobs: list[BaseException | None], temporary: Path, tmp_path: Path
) -> None:
    jobs += [None, LostProcessError("process 1 died")]
    launch(request(tmp_path, restarts=1), Watcher())
    assert jobs == []
    assert list(temporary.iterdir()) == []


def test_the_logs_of_the_last_process_that_died_stay_where_the_message_says(
    jobs: list[BaseException | None], temporary: Path, tmp_path: Path
) -> None:
    jobs += [LostProcessError("process 0 died"), LostProcessError("process 1 died")]
    with pytest.raises(LostProcessError) as lost:
        launch(request(tmp_path, restarts=1), Watcher())
    (left,) = temporary.iterdir()
    assert f"process 0 died; their output is in {left / 'logs'}" in str(lost.value)
    assert (left / "logs" / "worker_0.log").exists()


FOLLOWER = """
import sys, time
from pathlib import Path
from shelfmind.training.together import scratch_folder
(scratch_folder().root / "seen.npy").write_bytes(b"hashes")
Path(sys.argv[1]).touch()
time.sleep(60)
"""


def test_a_follower_that_is_killed_leaves_no_scratch_folder(
    monkeypatch: pytest.MonkeyPatch, temporary: Path, tmp_path: Path
) -> None:
    folder = JobFolder(tmp_path / "job")
    folder.scratch.mkdir(parents=True)
    folder.logs.mkdir()
    monkeypatch.setenv(SCRATCH_HERE, str(folder.scratch))
    monkeypatch.setenv("TMPDIR", str(temporary))
    ready = tmp_path / "ready"
    with (
        subprocess.Popen([sys.executable, "-c", FOLLOWER, str(ready)]) as worker,
        subprocess.Popen(["sleep", "60"], start_new_session=True) as job,
    ):
        folder.process(0).write_text(str(worker.pid))
        while not ready.exists():
            assert worker.poll() is None
        assert [path.name for path in folder.scratch.rglob("*.npy")] == ["seen.npy"]
        end_job(folder, job, 2)
    assert not folder.scratch.exists()
    assert folder.logs.exists()
    assert list(temporary.iterdir()) == []
    assert worker.returncode == job.returncode == -9


def test_a_restarted_job_has_the_given_port(
    jobs: list[BaseException | None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ends, ports = jobs, []
    run_job = launching.run_job

    def run(folder: JobFolder, wanted: TrainRequest, *rest: object) -> None:
        ports.append((wanted.port, wanted.resume))
        (tmp_path / "run").mkdir(exist_ok=True)
        (tmp_path / "run" / RUN_FILE).touch()
        run_job(folder, wanted, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(launching, "run_job", run)
    ends += [None, LostProcessError("process 1 died")]
    launch(TrainRequest(data="photos", out=tmp_path / "run", devices=2, restarts=1, port=12345), Watcher())
    assert ports == [(12345, None), (12345, tmp_path / "run")]


def test_a_run_that_is_being_trained_is_not_resumed(jobs: list[BaseException | None], tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "run")
    run.root.mkdir()
    resuming = TrainRequest(resume=run.root, devices=2)
    with alone_in(run), pytest.raises(UserError, match=r"run is being trained by another process; wait until it ends"):
        launch(resuming, Watcher())
    assert list(run.root.iterdir()) == []
    jobs.append(None)
    launch(resuming, Watcher())


@pytest.mark.parametrize(
    ("gone", "ended", "said"),
    [
        ([], [], None),
        (["0.pid"], [], r"^process 0 of 2 \(pid \d+\) died$"),
        (["0.pid", "scheduler.pid"], [], r"^process 0 of 2 \(pid \d+\) died$"),
        (["scheduler.pid"], [0], r"^the scheduler of the processes \(pid \d+\) died$"),
        (["scheduler.pid", "0.pid", "1.pid"], [0, 1], None),
    ],
)
def test_a_process_that_died_is_named(gone: list[str], ended: list[int], said: str | None, tmp_path: Path) -> None:
    folder = JobFolder(tmp_path)
    with subprocess.Popen(["true"]) as dead:
        dead.wait()
    for name in ("0.pid", "1.pid", "scheduler.pid"):
        (tmp_path / name).write_text(str(dead.pid if name in gone else os.getpid()))
    for rank in ended:
        folder.ended(rank).touch()
    if said is None:
        _require_alive(folder, 2)
        return
    with pytest.raises(LostProcessError, match=said):
        _require_alive(folder, 2)


def test_a_process_may_be_late_for_an_exchange_unless_the_user_says_otherwise(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """In place of msrun, a program that writes down its environment."""
    (tmp_path / "environment.py").write_text(
        "import json, os, sys; json.dump(dict(os.environ), open(os.path.join(sys.argv[-1], 'environment'), 'w'))"
    )
    monkeypatch.setattr(launching, "LAUNCHER", "environment")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.delenv("MS_NODE_TIMEOUT", raising=False)
    found = []
    for name in ("usual", "own"):
        folder = JobFolder(tmp_path / name)
        folder.root.mkdir()
        with pytest.raises(LostProcessError, match="process 0 of 2 did not start"):
            run_job(folder, request(tmp_path), 2, Watcher())
        found.append(json.loads((folder.root / "environment").read_text()))
        monkeypatch.setenv("MS_NODE_TIMEOUT", "77")
    assert [each["MS_NODE_TIMEOUT"] for each in found] == ["3600", "77"]
    assert found[0][STARTED_BY] == str(os.getpid())


STARTED = """
import time
from shelfmind.machine.job import end_with_starter
end_with_starter()
print("is connected", flush=True)
time.sleep(60)
"""
STARTER = f"""
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", {STARTED!r}], stdout=subprocess.PIPE)
child.stdout.readline()
print(child.pid, flush=True)
time.sleep(60)
"""


def test_what_a_killed_process_has_started_ends_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(STARTED_BY, raising=False)
    with subprocess.Popen([sys.executable, "-c", STARTER], stdout=subprocess.PIPE) as starter:
        assert starter.stdout is not None
        child = int(starter.stdout.readline())
        starter.kill()
        starter.wait()
        while launching._runs(child):
            time.sleep(0.01)


def test_what_starts_after_its_starter_has_ended_ends_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(STARTED_BY, "1")
    done = subprocess.run([sys.executable, "-c", STARTED], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "process 1, which started this one, has ended\n")


def test_a_process_that_no_job_was_started_for_has_its_scratch_folder_among_the_temporary_ones(temporary: Path) -> None:
    assert scratch_folder().root.parent == temporary
