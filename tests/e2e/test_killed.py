"""A training that is killed, stopped or out of disk goes on and ends as if nothing had happened."""

from __future__ import annotations

import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

KILLED = (sys.executable, str(Path(__file__).with_name("killed_command.py")))


@pytest.fixture
def assert_same(contents):
    """Two runs have bit for bit the same weights, averaged weights, optimizer state and figures."""

    def compare(one: Path, other: Path) -> None:
        for name in ("state.ckpt", "last.ckpt", "best.ckpt", "weights.ckpt"):
            (first, _), (second, _) = contents(one / name), contents(other / name)
            assert first.keys() == second.keys()
            for key, array in first.items():
                assert array.dtype == second[key].dtype
                assert array.tobytes() == second[key].tobytes(), f"{name}: {key}"
        assert _figures(one) == _figures(other)

    return compare


def _figures(run: Path) -> list[dict[str, object]]:
    timed = ("images_per_second", "elapsed_s")
    lines = (run / "log.jsonl").read_text().splitlines()
    return [{key: value for key, value in json.loads(line).items() if key not in timed} for line in lines]


@pytest.fixture(scope="module")
def killed_run(trained, data, cold, place, settings) -> Path:
    """A run that was killed after its second state, in the middle of the first epoch."""
    run = place / "killed"
    outcome = cold("state.ckpt:2:after", "train", data, "--out", run, *settings(), program=KILLED)
    assert outcome.status == -signal.SIGKILL, outcome.stderr
    assert not (run / "weights.ckpt").exists()
    return run


def test_a_run_killed_again_and_again_ends_like_an_undisturbed_one(
    killed_run, trained, cold, warm, contents, assert_same, tmp_path
):
    run = tmp_path / "run"
    shutil.copytree(killed_run, run)
    _, note = contents(run / "state.ckpt")
    assert (note["epoch"], note["step_in_epoch"]) == (0, 4)  # mid-epoch
    # The second epoch's weights are written, its state is not: the epoch's end is done again.
    outcome = cold("weights.ckpt:2:after", "train", "--resume", run, program=KILLED)
    assert outcome.status == -signal.SIGKILL, outcome.stderr
    # The state of the second epoch is written, its line in the log is not.
    outcome = cold("log.jsonl:1:before", "train", "--resume", run, program=KILLED)
    assert outcome.status == -signal.SIGKILL, outcome.stderr
    assert len(_figures(run)) == 1
    outcome = warm("train", "--resume", run)
    assert outcome.status == 0, outcome.stderr
    assert "resuming after epoch 2" in outcome.stderr
    assert_same(run, trained.run)
    assert {path.name for path in run.iterdir()} == {path.name for path in trained.run.iterdir()}


@pytest.mark.slow
@pytest.mark.thorough
def test_kill_9_from_outside_while_it_trains(
    command, settings, data, trained, environment, place, warm, assert_same, tmp_path
):
    run = tmp_path / "run"
    words = [command, "train", str(data), "--out", str(run), *settings()]
    with subprocess.Popen(words, cwd=place / "working", env=environment, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        said = iter(process.stderr.readline, "")
        assert any(line.startswith("epoch   1") for line in said)
        process.kill()
    outcome = warm("train", "--resume", run)
    assert outcome.status == 0, outcome.stderr
    assert_same(run, trained.run)


STAGES = ("train.epochs=1", "train.stages=[{image_size: 16, share: 0.3}, {image_size: 32, share: 0.7}]")


@pytest.mark.thorough
@pytest.mark.parametrize("stages", [(), STAGES], ids=["epochs", "stages within an epoch"])
def test_a_training_on_samples_of_the_classes_resumes_the_same(
    stages, cold, warm, data, settings, assert_same, tmp_path
):
    sampled = settings("loss.sampled_classes=2", "train.batch_size=2", *stages)
    undisturbed = warm("train", data, "--out", tmp_path / "undisturbed", *sampled)
    assert undisturbed.status == 0, undisturbed.stderr
    run = tmp_path / "run"
    outcome = cold("state.ckpt:2:after", "train", data, "--out", run, *sampled, program=KILLED)
    assert outcome.status == -signal.SIGKILL, outcome.stderr
    outcome = warm("train", "--resume", run)
    assert outcome.status == 0, outcome.stderr
    assert_same(run, tmp_path / "undisturbed")


def test_resuming_before_the_first_state_starts_from_the_beginning(trained, copied_run, warm, assert_same):
    for name in ("state.ckpt", "last.ckpt", "best.ckpt", "weights.ckpt", "log.jsonl"):
        (copied_run / name).unlink()
    outcome = warm("train", "--resume", copied_run)
    assert outcome.status == 0, outcome.stderr
    assert_same(copied_run, trained.run)


def test_resuming_a_finished_run_is_harmless(trained, copied_run, warm, assert_same):
    outcome = warm("train", "--resume", copied_run)
    assert outcome.status == 0, outcome.stderr
    assert "top-1" in outcome.stdout
    assert_same(copied_run, trained.run)


def test_ctrl_c_says_how_to_go_on(command, settings, data, environment, place, contents, tmp_path):
    run = tmp_path / "run"
    words = [command, "train", str(data), "--out", str(run), *settings("train.epochs=2000")]
    with subprocess.Popen(words, cwd=place / "working", env=environment, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        said = iter(process.stderr.readline, "")
        assert any(line.startswith("epoch ") and not line.startswith("epoch   1") for line in said)
        os.kill(process.pid, signal.SIGINT)
        rest = process.stderr.read()
    assert process.returncode == 130
    *others, last = (line for line in rest.splitlines() if not line.startswith("epoch "))
    assert f"shelfmind train --resume {run}" in last
    # MindSpore answers for some milliseconds, in which a data set begins, and says so in its log.
    assert not others or others[0].startswith("[ERROR] MD"), rest
    assert not [path.name for path in run.iterdir() if path.name.startswith(".")]
    assert contents(run / "state.ckpt")[1]["epoch"] >= 1


LONG_STEPS = ["train.stages=[]", "model.arguments={widths: [128], depths: [1], attention: none}"]
"""Of a network that is soon compiled: nearly all of the time its graph runs."""


@pytest.mark.slow
@pytest.mark.parametrize(
    "which",
    [pytest.param(signal.SIGINT, marks=pytest.mark.thorough, id="Ctrl-C"), pytest.param(signal.SIGTERM, id="SIGTERM")],
)
def test_a_signal_while_a_graph_runs_says_how_to_go_on(which, command, data, environment, place, tmp_path):
    """MindSpore has a handler of its own in place then, which is nearly always with a network of usual size; it answers
    Ctrl-C by SIGTERM."""
    run = tmp_path / "run"
    words = [command, "train", str(data), "--out", str(run), "--epochs", "500"]
    words += [word for value in LONG_STEPS for word in ("--set", value)]
    with subprocess.Popen(words, cwd=place / "working", env=environment, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert any(line.startswith("epoch   1") for line in iter(process.stderr.readline, ""))
        time.sleep(0.5)  # into the next graph
        process.send_signal(which)
        rest = process.stderr.read()
    assert process.returncode == 130, rest
    assert f"shelfmind train --resume {run}" in rest.splitlines()[-1]


PROGRAM = """
import signal, sys
import shelfmind

class Watcher(shelfmind.Watcher):
    def epoch(self, entry):
        print("epoch", entry["epoch"], flush=True)

try:
    shelfmind.train({data!r}, out={out!r}, epochs=500, overrides={overrides!r}, watcher=Watcher())
except KeyboardInterrupt:
    print("interrupted", signal.getsignal(signal.SIGTERM) is signal.SIG_DFL, flush=True)
"""


@pytest.mark.slow
def test_ctrl_c_interrupts_a_program_that_trains_and_its_signals_stay_its_own(data, environment, place, tmp_path):
    program = PROGRAM.format(data=str(data), out=str(tmp_path / "run"), overrides=LONG_STEPS)
    with subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=place / "working",
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert any(line.startswith("epoch 0") for line in iter(process.stdout.readline, ""))
        time.sleep(0.5)  # into the next graph
        process.send_signal(signal.SIGINT)
        said, errors = process.communicate()
    assert process.returncode == 0, errors
    assert said.splitlines()[-1] == "interrupted True"


def test_a_full_disk_is_one_clear_line_and_leaves_the_old_checkpoint(killed_run, cold, contents, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(killed_run, run)
    before = (run / "state.ckpt").read_bytes()
    limit = len(before) // 2

    def fill_disk() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    outcome = cold("train", "--resume", run, preexec_fn=fill_disk)
    assert outcome.status == 2, outcome.stderr
    *_, last = outcome.stderr.splitlines()
    assert re.match(r"shelfmind: .*state\.ckpt cannot be written: no space left", last), outcome.stderr
    assert not re.search(r"Traceback|\[ERROR\]|\[CRITICAL\]", outcome.stderr)
    assert all(
        line.startswith(("training ", "compiling ", "epoch ", "shelfmind: ")) for line in outcome.stderr.splitlines()
    )
    assert (run / "state.ckpt").read_bytes() == before
    assert contents(run / "state.ckpt")[1]["step_in_epoch"] == 4
    assert not [path.name for path in run.iterdir() if path.name.startswith(".")]


def test_another_seed_gives_other_weights(data, settings, trained, warm, contents, tmp_path):
    """The same one gives the same: what starts from the beginning, above, is all trained again."""
    outcome = warm("train", data, "--out", tmp_path / "1", "--seed", 1, *settings("train.epochs=1"))
    assert outcome.status == 0, outcome.stderr
    (first, _), (second, _) = contents(trained.run / "last.ckpt"), contents(tmp_path / "1" / "last.ckpt")
    weights = [name for name in first if name.endswith("weight")]
    assert weights
    assert not any(np.array_equal(first[name], second[name]) for name in weights)
