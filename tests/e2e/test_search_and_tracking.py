"""Searching a recipe's values goes on where it stopped; trackers get what the log has."""

from __future__ import annotations

import re
import shutil
import sys
import types

import pytest
import yaml

pytestmark = pytest.mark.slow


@pytest.fixture
def space(tmp_path):
    path = tmp_path / "space.yaml"
    path.write_text("train.lr: {low: 0.01, high: 0.1, log: true}\nloss.name: [cross_entropy, focal]\n")
    return path


def test_a_search_goes_on_until_there_are_enough_trials(data, warm, settings, space, tmp_path):
    def search(trials):
        words = ("--trials", trials, "--space", space, "--out", tmp_path / "search", *settings("train.epochs=2"))
        outcome = warm("tune", data, *words)
        assert outcome.status == 0, outcome.stderr
        assert "3 validation images are too few to rank trials reliably" in outcome.stderr.splitlines()[-1]
        return outcome.stdout

    assert "best of 1 trial " in search(1)
    assert "best of 2 trials" in search(2)
    assert sorted(path.name for path in (tmp_path / "search" / "trials").iterdir()) == ["0000", "0001"]
    best = yaml.safe_load((tmp_path / "search" / "best.yaml").read_text())
    trials = [tmp_path / "search" / "trials" / name / "recipe.yaml" for name in ("0000", "0001")]
    assert best in [yaml.safe_load(trial.read_text()) for trial in trials]
    assert 0.01 <= best["train"]["lr"] <= 0.1
    assert best["loss"]["name"] in ("cross_entropy", "focal")
    assert warm("recipes", tmp_path / "search" / "best.yaml").status == 0


def test_a_search_resumes_only_with_the_same_settings(data, warm, settings, space, tmp_path):
    def search(*words, photos=data):
        shared = ("--trials", 1, "--space", space, "--out", tmp_path / "search")
        return warm("tune", photos, *shared, *settings("train.epochs=1"), *words)

    assert search().status == 0
    moved = tmp_path / "data"
    shutil.copytree(data, moved)
    assert "search was started with other settings (data); use the same ones" in search(photos=moved).error
    assert "other settings (recipe)" in search("--set", "loss.label_smoothing=0.2").error
    assert "other settings (max minutes)" in search("--max-minutes", "1").error
    assert "seed); use" in search("--seed", "1").error
    before = space.read_text()
    for text in (before.replace("focal", "balanced_softmax"), before.replace("0.01", "0.02")):
        space.write_text(text)
        assert "other settings (space)" in search().error
    space.write_text(before)
    assert "best of 1 trial " in search().stdout
    assert [path.name for path in (tmp_path / "search" / "trials").iterdir()] == ["0000"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("train.lrr: [0.1]", "did you mean lr"),
        ("train.lr: {low: 0.1, high: 0.01}", "train.lr: high must be greater than low"),
        ("train.lr: 0.1", "train.lr must be a list of choices or a range"),
        ("train.lr: {low: small, high: 0.1}", "train.lr: low must be a number, got 'small'"),
        ("[1, 2]", "must map recipe keys to choices or ranges"),
        ("train.lr: {low: -1, high: 0.1}", "train.lr"),
    ],
)
def test_a_wrong_space_is_refused(text, said, data, warm, tmp_path):
    (tmp_path / "space.yaml").write_text(text)
    outcome = warm("tune", data, "--space", tmp_path / "space.yaml", "--out", tmp_path / "search")
    assert said in outcome.error
    assert not (tmp_path / "search").exists()


def test_what_stops_a_trial_is_one_line(data, warm, space, settings, tmp_path):
    faulty = tmp_path / "data"
    shutil.copytree(data, faulty)
    (next(iter((faulty / "train").iterdir())) / "text.jpg").write_text("no image")
    outcome = warm("tune", faulty, "--space", space, "--out", tmp_path / "search", *settings())
    said = [line for line in outcome.stderr.splitlines() if not line.startswith(("note: ", "trial 0: "))]
    assert outcome.status == 2
    assert len(said) == 1, outcome.stderr
    assert "text.jpg (not an image)" in said[0]
    assert re.search(r"trial 0: train\.lr=0\.0\d{1,5}, loss\.name=", outcome.stderr)


def test_a_damaged_study_is_one_line(data, warm, tmp_path):
    (tmp_path / "study.sqlite").write_text("no database")
    assert "study.sqlite is not a study that can be resumed" in warm("tune", data, "--out", tmp_path).error


def test_tensorboard_gets_what_the_log_has(data, warm, settings, tmp_path):
    outcome = warm("train", data, "--out", tmp_path / "run", "--track", "tensorboard", *settings("train.epochs=2"))
    assert outcome.status == 0, outcome.stderr
    (events,) = (tmp_path / "run" / "tensorboard").iterdir()
    assert events.name.startswith("events.out.tfevents")
    content = events.read_bytes()
    for name in (b"epoch/train_loss", b"epoch/val_top1", b"epoch/lr", b"step/loss"):
        assert name in content
    assert "did you mean tensorboard" in warm("train", data, "--out", tmp_path / "x", "--track", "tensorbord").error


def test_mlflow_gets_the_same(monkeypatch, tmp_path, mindspore):
    """MLflow itself is a heavy extra; what is asked of it is four functions."""
    calls = []
    fake = types.ModuleType("mlflow")
    for name in ("start_run", "log_text", "log_metric", "end_run"):
        setattr(fake, name, lambda *words, _name=name, **more: calls.append((_name, words, more)))
    monkeypatch.setitem(sys.modules, "mlflow", fake)
    from shelfmind.training.tracking import MlflowTracker

    tracker = MlflowTracker(tmp_path / "可乐", "train: {}")
    tracker.scalar("epoch/val_top1", 0.5, 3)
    tracker.close()
    assert calls == [
        ("start_run", (), {"run_name": "可乐"}),
        ("log_text", ("train: {}", "recipe.yaml"), {}),
        ("log_metric", ("epoch/val_top1", 0.5), {"step": 3}),
        ("end_run", (), {}),
    ]
