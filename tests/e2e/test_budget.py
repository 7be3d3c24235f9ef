"""`--max-minutes`: the whole schedule fits into the time given, whatever happens on the way."""

from __future__ import annotations

import json
import math
import signal
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytestmark = pytest.mark.slow

KILLED = (sys.executable, str(Path(__file__).with_name("killed_command.py")))
EASY = [
    "augment=[]",
    "loss.label_smoothing=0",
    "train.lr=0.02",
    "train.warmup=0",
    "train.clip_norm=1",
    "train.batch_size=8",
    "train.checkpoint_steps=100",
]


@pytest.fixture(scope="module")
def colours(place):
    """Red, green and blue squares, in train and val: learnt within a few epochs."""
    root = place / "colours"
    for split, each in (("train", 16), ("val", 1)):
        for channel, name in enumerate(("red", "green", "blue")):
            (root / split / name).mkdir(parents=True)
            for number in range(each):
                pixels = np.random.default_rng(number).integers(0, 60, (32, 32, 3), np.uint8)
                pixels[..., channel] += 180
                Image.fromarray(pixels).save(root / split / name / f"{number}.png")
    return root


def read_log(run):
    return [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]


def assert_complete(run, minutes):
    """The schedule went from 0 to 1 without a gap; what began after the time given was one last step, or one of each
    stage that was left."""
    log = read_log(run)
    progress = [entry["progress"] for entry in log]
    assert [entry["epoch"] for entry in log] == list(range(len(log)))
    assert progress == sorted(set(progress))
    assert progress[-1] == 1
    late = [after for before, after in zip(log, log[1:], strict=False) if before["elapsed_s"] > 60 * minutes]
    assert {entry["steps"] for entry in late} <= {1}
    assert json.loads((run / "metrics.json").read_text())["images"] == 3
    return log


def require_speed(log):
    """Skip where other work leaves so little of the machine that no training of this budget learns anything."""
    epochs_s = [after["elapsed_s"] - before["elapsed_s"] for before, after in zip(log, log[1:], strict=False)]
    if len(log) < 12 or max(epochs_s[:3]) > 2:
        slowest = max(epochs_s[:3], default=math.inf)
        pytest.skip(f"the machine is too busy: {len(log)} epochs in the budget, {slowest:.1f} s for one")


@pytest.fixture(scope="module")
def budgeted(warm, colours, settings, place):
    """A training of 0.3 minutes in two stages."""
    run = place / "budgeted"
    stages = "train.stages=[{image_size: 32, share: 0.5}, {image_size: 48, share: 0.5}]"
    sizes = ["data.image_size=48", "data.resize_to=48", "data.evaluation_size=48"]
    outcome = warm("train", colours, "--out", run, "--max-minutes", 0.3, *settings(*EASY, *sizes, stages))
    assert outcome.status == 0, outcome.stderr
    return run


def test_a_budget_is_used_up_and_kept(budgeted):
    log = assert_complete(budgeted, 0.3)
    assert log[-1]["elapsed_s"] > 60 * 0.3 / 4
    whole = [entry for entry, after in pairwise(log) if entry["image_size"] == after["image_size"]]
    assert {entry["steps"] for entry in whole} <= {6}
    assert log[-1]["image_size"] == 48


def test_compiling_is_not_taken_for_the_speed_of_an_epoch(budgeted):
    """The first epoch takes seconds, those after it a fraction of one: no large share of the schedule is skipped."""
    require_speed(read_log(budgeted))
    first, second, *_ = read_log(budgeted)
    assert second["progress"] - first["progress"] < 0.15


def test_a_new_stage_goes_on_with_the_weights_of_the_last(budgeted):
    log = read_log(budgeted)
    require_speed(log)
    sizes = [entry["image_size"] for entry in log]
    assert sizes == sorted(sizes)
    assert set(sizes) == {32, 48}
    change = sizes.index(48)
    assert log[change - 1]["progress"] >= 0.5
    untrained = math.log(3)
    assert log[change - 1]["train_loss"] < 0.3 * untrained
    assert log[change]["train_loss"] < 0.5 * untrained
    assert log[change]["val_loss"] < 0.5 * untrained


def test_a_budget_too_small_for_one_epoch_gives_one_step(warm, colours, settings, tmp_path):
    run = tmp_path / "run"
    outcome = warm("train", colours, "--out", run, "--max-minutes", 0.1, *settings())
    assert outcome.status == 0, outcome.stderr
    (entry,) = read_log(run)
    assert (entry["steps"], entry["progress"]) == (1, 1)
    assert entry["lr"] > 0
    (warning,) = entry["warnings"]
    assert "after 1 step: a budget of 0.1 minutes is too short" in warning
    *_, repeated, following = outcome.stderr.splitlines()
    assert repeated == f"warning: {warning}"
    assert following.startswith("next: ")
    assert outcome.stderr.count(warning) == 2  # at once, and before the next step
    metrics = json.loads((run / "metrics.json").read_text())
    assert (metrics["images"], metrics["too_few_images"], metrics["warnings"]) == (3, True, [warning])
    assert "of 3 correct" in outcome.stdout
    assert "%" not in outcome.stdout.replace("95% interval", "")
    page = (run / "report.html").read_text(encoding="utf-8")
    assert "Warning: training ended after 1 step" in page
    assert "too few images" in page


def test_two_photos_train_and_say_that_nothing_was_validated(warm, colours, settings, tmp_path):
    for name in ("red", "green"):
        (tmp_path / "two" / name).mkdir(parents=True)
        (tmp_path / "two" / name / "0.png").write_bytes((colours / "train" / name / "0.png").read_bytes())
    outcome = warm("train", tmp_path / "two", "--out", tmp_path / "run", *settings("train.batch_size=2"))
    assert outcome.status == 0, outcome.stderr
    assert "no validation images" in outcome.stderr.splitlines()[-2]
    assert len(read_log(tmp_path / "run")[-1]["warnings"]) == 2
    assert not any("warnings" in entry for entry in read_log(tmp_path / "run")[:-1])


@pytest.mark.thorough
def test_a_budget_that_was_killed_goes_on_to_its_end(warm, cold, colours, settings, tmp_path):
    run = tmp_path / "run"
    words = ["train", colours, "--out", run, "--max-minutes", 0.15, *settings()]
    outcome = cold("state.ckpt:1:after", *words, program=KILLED)
    assert outcome.status == -signal.SIGKILL, outcome.stderr
    assert not (run / "log.jsonl").exists()
    outcome = warm("train", "--resume", run)
    assert outcome.status == 0, outcome.stderr
    assert_complete(run, 0.15)
