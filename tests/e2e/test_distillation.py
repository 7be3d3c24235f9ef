"""A network learns from trained ones: by command, killed and gone on with, and what is refused."""

from __future__ import annotations

import json
import shutil
import signal
import sys
from pathlib import Path

import pytest

KILLED = (sys.executable, str(Path(__file__).with_name("killed_command.py")))
CHANGES = (
    "model.arguments={widths: [4], depths: [1], attention: none}",
    "mixing.mixup=0.5",
    "train.micro_batch_size=2",
    "distillation.temperature=3",
)


def provenance(run):
    return json.loads((run / "provenance.json").read_text(encoding="utf-8"))


def losses(run):
    return [json.loads(line)["train_loss"] for line in (run / "log.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def teacher(place, trained):
    """A copy of the trained run; a test that takes it away puts it back."""
    copy = place / "teacher"
    shutil.copytree(trained.run, copy, symlinks=True)
    return copy


@pytest.fixture(scope="module")
def student(teacher, data, warm, settings, place):
    """An undisturbed student; tests must not change it."""
    run = place / "student"
    outcome = warm("train", data, "--teacher", teacher, "--rules", "contest", "--out", run, *settings(*CHANGES))
    assert outcome.status == 0, outcome.stderr
    return run


def test_a_student_knows_its_teacher_and_what_that_has_seen(student, teacher, data, warm, settings, tmp_path):
    (described,) = provenance(student)["teachers"]
    assert (described["path"], described["engine"], described["origin"]) == (str(teacher), "mindspore", "run")
    assert described["provenance"] == provenance(teacher)
    assert (student / "before" / "0" / "split.csv").read_bytes() == (teacher / "split.csv").read_bytes()
    other = tmp_path / "other split"
    shutil.copytree(data, other)
    for folder in sorted((other / "train").iterdir()):
        photo = min(folder.iterdir())
        photo.rename(other / "val" / folder.name / f"moved {photo.name}")
    words = settings(*CHANGES, "train.epochs=1")
    outcome = warm("train", other, "--teacher", teacher, "--out", tmp_path / "run", *words)
    assert outcome.status == 0, outcome.stderr
    assert "a teacher of this run, saw 3 of" in outcome.stderr
    assert "--split-of" in outcome.stderr


@pytest.mark.thorough
def test_a_killed_student_ends_like_an_undisturbed_one(student, teacher, data, cold, warm, settings, tmp_path):
    run, away = tmp_path / "run", teacher.with_name("away")
    words = ("train", data, "--teacher", teacher, "--rules", "contest", "--out", run, *settings(*CHANGES))
    outcome = cold("state.ckpt:2:after", *words, program=KILLED)
    assert outcome.status == -signal.SIGKILL, outcome.stderr
    teacher.rename(away)
    assert f"learns from {teacher}, which no longer exists" in warm("train", "--resume", run).error
    shutil.copytree(student, teacher)
    assert "weights.ckpt has changed since it started" in warm("train", "--resume", run).error
    shutil.rmtree(teacher)
    away.rename(teacher)
    outcome = warm("train", "--resume", run)
    assert outcome.status == 0, outcome.stderr
    assert losses(run) == losses(student)
    assert (run / "weights.ckpt").read_bytes() == (student / "weights.ckpt").read_bytes()
    teacher.rename(away)  # a finished run needs none
    assert warm("train", "--resume", run).status == 0
    away.rename(teacher)


def test_an_exported_file_and_a_run_teach_together_by_the_fastest_engine(teacher, data, warm, settings, tmp_path):
    pytest.importorskip("onnxruntime")
    outcome = warm("export", teacher, "--out", tmp_path / "file.onnx")
    assert outcome.status == 0, outcome.stderr
    run, words = tmp_path / "run", settings("train.epochs=1")
    both = ("--teacher", tmp_path / "file.onnx", "--teacher", teacher)
    outcome = warm("train", data, *both, "--out", run, *words)
    assert outcome.status == 0, outcome.stderr
    assert "are not recorded" in outcome.stderr  # the file lies in no run
    described = provenance(run)["teachers"]
    assert described[0]["engine"] in ("onnx", "openvino")
    assert described[1]["engine"] == "mindspore"
    refused = warm("train", data, *both, "--rules", "contest", "--out", tmp_path / "contest", *words)
    assert "use the run's folder" in refused.error


def test_what_cannot_teach_is_refused_before_a_folder_is_made(teacher, data, warm, settings, tmp_path):
    fewer = tmp_path / "fewer"
    shutil.copytree(teacher, fewer)
    names = json.loads((fewer / "classes.json").read_text(encoding="utf-8"))
    names["names"][0] = "别的"
    (fewer / "classes.json").write_text(json.dumps(names, ensure_ascii=False), encoding="utf-8")
    assert warm("verify", fewer, "--accept").status == 0
    run = tmp_path / "run"
    for words, said in (
        (("train", "--teacher", fewer), "knows 2 of the 3 classes to learn"),
        (("train", "--teacher", tmp_path / "none"), "there is no run at"),
        (("train", "--set", "distillation.weight=0.5"), "needs a teacher; provide one with --teacher"),
        (("train", "--set", "distillation.wait=0.5"), "did you mean"),
        (("find-label-errors", "--set", f"distillation.teachers=['{teacher}']"), "passes on the labels"),
        (("expand", "--set", f"distillation.teachers=['{teacher}']"), "would leak them"),
    ):
        outcome = warm(words[0], data, "--out", run, *settings(), *words[1:])
        assert said in outcome.error
        assert not run.exists()
