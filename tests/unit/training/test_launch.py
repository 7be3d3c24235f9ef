"""What a job of several processes leaves behind: only the logs of a process that died."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from shelfmind.errors import LostProcessError, UserError
from shelfmind.machine.job import SCRATCH_HERE
from shelfmind.requests.training import TrainRequest
from shelfmind.training import launch as launching
from shelfmind.training.launch import JobFolder, end_job, launch
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


def test_a_process_that_no_job_was_started_for_has_its_scratch_folder_among_the_temporary_ones(temporary: Path) -> None:
    assert scratch_folder().root.parent == temporary
