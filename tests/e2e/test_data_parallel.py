"""Trainings in two processes: the same as in one, and as if nothing had happened after a process was killed."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

COMMAND = Path(sys.executable)
ALL_CORES = sorted(os.sched_getaffinity(1)) if hasattr(os, "sched_getaffinity") else []
"""Those of the machine; tests may be pinned to one of them."""
PLAIN = ("augment=[]", "train.kernels=mindspore", "train.amp=off", "train.sync_batch_norm=true", "train.batch_size=8")
"""Each image is the same whichever process has it, and so are mean and variance of a batch."""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(len(ALL_CORES) < 2, reason="two processes need two cores"),
]


@pytest.fixture(scope="module")
def start(command, environment, place):
    """Start a command on all cores, with a folder of its own for the job."""

    def begin(*argv: object, jobs: Path) -> subprocess.Popen[str]:
        jobs.mkdir(parents=True, exist_ok=True)
        return subprocess.Popen(
            [command, *map(str, argv)],
            cwd=place / "working",
            env={**environment, "TMPDIR": str(jobs)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=lambda: os.sched_setaffinity(0, ALL_CORES),
        )

    return begin


@pytest.fixture(scope="module")
def in_two(start, data, place, settings) -> Path:
    """A run trained by two processes."""
    run, jobs = place / "in_two", place / "jobs_of_two"
    words = ("--devices", 2, "--track", "tensorboard", "--out", run, *settings(*PLAIN))
    training = start("train", data, *words, jobs=jobs)
    out, err = training.communicate(timeout=240)
    assert training.returncode == 0, err
    assert "top-1" in out
    assert "batch size 8" in err
    assert list(jobs.iterdir()) == []  # nothing is left of the job
    assert len(list((run / "tensorboard").iterdir())) == 1
    return run


def log(run: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]


@pytest.mark.thorough
def test_two_processes_train_like_one_with_the_whole_batch(in_two, data, warm, settings, tmp_path):
    outcome = warm("train", data, "--out", tmp_path / "one", *settings(*PLAIN))
    assert outcome.status == 0, outcome.stderr
    one, two = log(tmp_path / "one"), log(in_two)
    assert [entry["steps"] for entry in one] == [entry["steps"] for entry in two]
    assert one[0]["train_loss"] == pytest.approx(two[0]["train_loss"], rel=1e-3)
    for key, far in (("train_loss", 0.02), ("val_loss", 0.05)):
        assert [entry[key] for entry in one] == pytest.approx([entry[key] for entry in two], rel=far)
    assert (in_two / "metrics.json").exists()
    provenance = json.loads((in_two / "provenance.json").read_text())
    assert provenance["processes"] == 2


@pytest.mark.thorough
def test_a_job_with_a_killed_process_restarts_and_ends_like_an_undisturbed_one(
    in_two, start, data, settings, contents, tmp_path
):
    run, jobs = tmp_path / "killed", tmp_path / "jobs"
    training = start("train", data, "--devices", 2, "--restarts", 1, "--out", run, *settings(*PLAIN), jobs=jobs)
    until(lambda: (run / "state.ckpt").exists(), training)
    (second,) = jobs.glob("shelfmind-job-*/1.pid")
    os.kill(int(second.read_text()), signal.SIGKILL)
    _, err = training.communicate(timeout=240)
    assert training.returncode == 0, err
    assert "died; starting again from the last checkpoint, 0 restarts left" in err
    (first, _), (other, _) = contents(in_two / "state.ckpt"), contents(run / "state.ckpt")
    assert first.keys() == other.keys()
    assert all(np.array_equal(array, other[name]) for name, array in first.items())
    assert [entry["train_loss"] for entry in log(run)] == [entry["train_loss"] for entry in log(in_two)]


@pytest.mark.thorough
def test_a_killed_process_without_restarts_ends_the_job_and_the_run_resumes(start, data, settings, tmp_path):
    run, jobs = tmp_path / "killed", tmp_path / "jobs"
    training = start("train", data, "--devices", 2, "--out", run, *settings(), jobs=jobs)
    until(lambda: (run / "state.ckpt").exists(), training)
    pids = [int(path.read_text()) for path in jobs.glob("shelfmind-job-*/*.pid")]
    began = time.monotonic()
    os.kill(pids[0], signal.SIGKILL)
    _, err = training.communicate(timeout=60)
    assert time.monotonic() - began < 60
    assert training.returncode == 1, err
    assert f"Resume with: shelfmind train --resume {run}" in err
    until_gone(pids)
    (left,) = jobs.iterdir()
    assert f"their output is in {left / 'logs'}" in err
    assert not list(left.rglob("*.npy"))
    resumed = start("train", "--resume", run, jobs=jobs)
    _, err = resumed.communicate(timeout=240)
    assert resumed.returncode == 0, err
    assert log(run)[-1]["progress"] == 1.0


@pytest.mark.thorough
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGHUP, signal.SIGKILL])
def test_all_processes_end_with_the_command_and_until_then_nobody_else_trains(how, start, data, settings, tmp_path):
    run, jobs = tmp_path / "stopped", tmp_path / "jobs"
    training = start("train", data, "--devices", 2, "--out", run, *settings("train.epochs=5000"), jobs=jobs)
    until(lambda: (run / "state.ckpt").exists(), training)
    pids = [int(path.read_text()) for path in jobs.glob("shelfmind-job-*/*.pid")]
    assert len(pids) == 3  # two workers and the scheduler
    (follower,) = jobs.glob("shelfmind-job-*/scratch/*")
    assert (follower / "split.csv").exists()
    assert not (follower / "seen.npy").exists()
    second = start("train", "--resume", run, jobs=tmp_path / "other")
    _, err = second.communicate(timeout=60)
    assert second.returncode == 2
    assert "is being trained by another process" in err
    training.send_signal(how)
    _, err = training.communicate(timeout=60)
    until_gone(pids)
    if how == signal.SIGKILL:
        assert training.returncode == -how
        return
    assert training.returncode == 130, err
    assert "progress is saved" in err
    assert list(jobs.iterdir()) == []


def test_mistakes_are_one_line_before_anything_starts(start, data, settings, tmp_path):
    def error(*argv: object) -> str:
        command = start("train", data, "--out", tmp_path / "out", *argv, jobs=tmp_path / "jobs")
        _, err = command.communicate(timeout=60)
        assert command.returncode == 2, err
        return err

    assert "--devices 4000 needs 4000 cores; this machine has" in error("--devices", 4000)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert f"--port {port} cannot be used" in error("--devices", 2, "--port", port)
    assert not (tmp_path / "out").exists()
    assert list((tmp_path / "jobs").iterdir()) == []


@pytest.mark.thorough
def test_a_mistake_that_a_worker_finds_is_one_line(start, data, settings, tmp_path):
    odd = settings("train.batch_size=5")
    command = start("train", data, "--devices", 2, "--out", tmp_path / "out", *odd, jobs=tmp_path / "jobs")
    _, err = command.communicate(timeout=120)
    assert command.returncode == 2, err
    assert "a batch of 5 images cannot be divided equally among 2 processes" in err
    assert "--set train.batch_size=4" in err
    assert list((tmp_path / "jobs").iterdir()) == []


def until(true, training: subprocess.Popen[str]) -> None:
    """Wait for a moment of a training that must not end before."""
    while not true():
        assert training.poll() is None, training.communicate()
        time.sleep(0.02)


def until_gone(pids: list[int]) -> None:
    """Wait until the system has removed the processes, which were killed a moment ago."""
    began = time.monotonic()
    while any(Path(f"/proc/{pid}").exists() for pid in pids):
        assert time.monotonic() - began < 10, pids
        time.sleep(0.02)


HOST = """
import os, sys
from shelfmind.cli import main
worker = os.environ["MS_ROLE"] == "MS_WORKER"
os.chdir(os.path.join({hosts!r}, os.environ["RANK_ID"] if worker else "0"))
sys.argv[0] = "shelfmind"
main()
"""


@pytest.mark.thorough
def test_hosts_without_a_common_file_system_train_resume_and_find_different_photos(
    environment, data, settings, tmp_path
):
    """`msrun` by hand; two folders stand for the file systems of two hosts."""
    script, hosts = tmp_path / "host.py", tmp_path / "hosts"
    script.write_text(HOST.format(hosts=str(hosts)))
    for rank in "01":
        shutil.copytree(data, hosts / rank / "photos")

    def msrun(*argv: object) -> subprocess.Popen[bytes]:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        options = ("--worker_num=2", "--local_worker_num=2", f"--master_port={port}", "--join=True")
        return subprocess.Popen(
            [COMMAND.with_name("msrun"), *options, f"--log_dir={tmp_path / 'logs'}", script, *map(str, argv)],
            env={**environment, "PATH": f"{COMMAND.parent}:{environment['PATH']}"},
            preexec_fn=lambda: os.sched_setaffinity(0, ALL_CORES),
            start_new_session=True,
        )

    def said() -> str:
        return "".join((tmp_path / "logs" / f"worker_{rank}.log").read_text() for rank in (0, 1))

    run = hosts / "0" / "run"
    job = msrun("train", "photos", "--out", "run", *settings("train.epochs=30"))
    until(lambda: (run / "log.jsonl").exists(), job)
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        if str(script).encode() in path.read_bytes():
            os.kill(int(path.parent.name), signal.SIGKILL)
    job.wait(60)
    assert log(run)[-1]["progress"] < 1.0
    assert msrun("train", "--resume", "run").wait(240) == 0, said()
    assert log(run)[-1]["progress"] == 1.0
    assert not (hosts / "1" / "run").exists()
    photo = next((hosts / "1" / "photos").rglob("*.jpg"))
    content = bytearray(photo.read_bytes())
    content[-3] ^= 1
    photo.write_bytes(content)
    assert msrun("train", "photos", "--out", "other", *settings()).wait(240) != 0
    assert "differs from process 0 on" in said()
    assert "in: data; give all processes the same" in said()
