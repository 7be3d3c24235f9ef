"""`adapt`: batch-normalisation statistics of unlabelled photos, as a new run."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.slow

KILLED = (sys.executable, str(Path(__file__).with_name("killed_command.py")))


def weights_of(run):
    from shelfmind.machine.device import start_mindspore

    start_mindspore("CPU")
    from shelfmind.models.checkpoint import load_checkpoint

    return load_checkpoint(run / "weights.ckpt").arrays


@pytest.fixture(scope="module")
def adapted(place, trained, data, warm):
    """The trained run, adapted to the photos that it was trained on."""
    outcome = warm("adapt", trained.run, data / "train", "--weight", "0.25", "--out", place / "适应" / "run")
    assert outcome.status == 0, outcome.stderr
    return place / "适应" / "run", outcome


def test_only_statistics_change_and_by_their_weight(adapted, trained, data, warm, tmp_path):
    run, outcome = adapted
    own, mixed = weights_of(trained.run), weights_of(run)
    moved = {name for name in own if not np.array_equal(own[name], mixed[name])}
    assert moved
    assert moved == {name for name in own if name.endswith(("moving_mean", "moving_variance"))}
    warm("adapt", trained.run, data / "train", "--weight", "1", "--out", tmp_path / "whole")
    whole = weights_of(tmp_path / "whole")
    for name in moved:
        np.testing.assert_allclose(mixed[name], 0.75 * own[name] + 0.25 * whole[name], rtol=1e-5, atol=1e-6)
    assert "adapted to" in outcome.stdout
    assert str(run) in outcome.stderr


def test_an_adapted_run_says_so_wherever_it_is_measured(adapted, trained, data, warm, tmp_path):
    run, _ = adapted
    outcome = warm("evaluate", run, data, "--json", tmp_path / "figures.json")
    assert outcome.status == 0, outcome.stderr
    assert "the run was adapted to" in outcome.stdout + outcome.stderr
    record = json.loads((run / "provenance.json").read_text(encoding="utf-8"))["adapted"]
    assert record["weight"] == 0.25
    assert record["of"] == str(trained.run)
    assert record["images"] == len(list((data / "train").rglob("*.jpg")))


def test_the_contest_takes_no_adapted_run(adapted, data, warm, tmp_path, settings):
    run, _ = adapted
    assert "contest rule 2" in warm("evaluate", run, data, "--rules", "contest").error
    assert "contest rule 2" in warm("predict", run, data / "test", "--rules", "contest").error
    from_it = warm("train", data, "--init", run, "--rules", "contest", "--out", tmp_path / "next", *settings())
    assert "adapted to other photos" in from_it.error


def test_the_contest_takes_no_export_of_an_adapted_run(adapted, data, warm, tmp_path):
    run, _ = adapted
    exported = tmp_path / "adapted.mindir"
    assert warm("export", run, "--format", "mindir", "--out", exported).status == 0
    assert "contest rule 2" in warm("predict", exported, data / "test", "--rules", "contest").error
    assert warm("predict", exported, data / "test").status == 0


def test_a_killed_adaptation_leaves_nothing_and_a_finished_one_is_not_trained(trained, data, cold, warm, tmp_path):
    run = tmp_path / "run"
    words = ("adapt", trained.run, data / "train", "--out", run)
    outcome = cold("weights.ckpt:1:before", *words, program=KILLED)
    assert outcome.status == -signal.SIGKILL, outcome.stderr
    assert not run.exists()
    outcome = warm(*words)
    assert outcome.status == 0, outcome.stderr
    assert list(tmp_path.iterdir()) == [run]
    assert "not an empty folder" in warm(*words).error
    weights = (run / "weights.ckpt").read_bytes()
    assert "by adapt, so there is nothing to resume" in warm("train", "--resume", run).error
    assert (run / "weights.ckpt").read_bytes() == weights


def test_what_cannot_be_adapted_to_is_refused(trained, data, bad, warm, tmp_path):
    out = tmp_path / "out"
    assert "no such file" in warm("adapt", trained.run, data / "nowhere", "--out", out).error
    few = sorted((data / "test").rglob("*.jpg"))[:3]
    assert "at least 16 usable photos" in warm("adapt", trained.run, *few, "--out", out).error
    assert "cannot be used" in warm("adapt", trained.run, data / "train", *bad, "--out", out).error
    assert "greater than 0" in warm("adapt", trained.run, data / "train", "--weight", "0", "--out", out).error
    assert not out.exists()
