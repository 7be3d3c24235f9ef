"""A table is trained, killed, gone on with, fails in one row, and shares its runs with another table."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

TINY = """
about: Does a slower rate help?
base:
  recipe: default
  set:
    data: {image_size: 32, resize_to: 32, evaluation_size: 32}
    train: {stages: [], batch_size: 4, epochs: 3, checkpoint_steps: 2, ema_decay: 0.9}
    evaluation.batch_size: 4
    model.arguments: {widths: [8], depths: [1], attention: none}
rows:
"""
BROKEN = "  - {name: broken, set: {model.arguments: {widths: [8], depths: [1], attention: none, nonsense: 1}}}\n"
SLOW = "  - {name: 慢, words: {en: slower, zh: 更慢}, set: {train.lr: 0.001}}\n"
PATIENCE_S = 600
"""Two trainings and label findings, on a machine that has other work."""
MANY = {"classes": 3, "images": 60, "layout": "folder", "others_share": 0, "tail": 0.1, "long_side": (96, 160)}


@pytest.fixture(scope="module")
def photos(place: Path) -> Path:
    """60 photos of three made-up products, of which enough are test."""
    from shelfmind import generate

    folder = place / "消融 照片"
    generate(folder, **MANY, test_fraction=0.3, val_fraction=0.1)
    return folder


@pytest.fixture(scope="module")
def tables(place: Path) -> Path:
    """Tables of the same base."""
    folder = place / "tables"
    folder.mkdir()
    (folder / "速度.yaml").write_text(TINY + SLOW + BROKEN, encoding="utf-8")
    (folder / "views.yaml").write_text(TINY + "  - {name: views, set: {evaluation.tta: [flip]}}\n", encoding="utf-8")
    return folder


def rows_of(out: Path, table: str) -> dict[str, Any]:
    content = json.loads((out / table / "ablation.json").read_text(encoding="utf-8"))
    return {row["name"]: row for row in content["rows"]}


def finished(out: Path) -> list[str]:
    """The runs that are done, by when they were begun."""
    costs = {path.parent.name: json.loads(path.read_text()) for path in (out / "runs").glob("*/cost.json")}
    return sorted(name for name, cost in costs.items() if cost["done"])


def wait_until(said: Any, timeout_s: float = PATIENCE_S) -> None:
    until = time.monotonic() + timeout_s
    while not said():
        assert time.monotonic() < until
        time.sleep(0.05)


@pytest.mark.thorough
def test_killed_gone_on_with_failing_and_shared(command, environment, warm, photos, tables, place) -> None:
    out, table = place / "消融", tables / "速度.yaml"
    words = [command, "ablate", str(table), "--data", str(photos), "--seeds", "1", "--out", str(out)]
    # Killed by kill -9 while the second row trains: its process ends, too, and the base is kept.
    with subprocess.Popen(words, cwd=place / "working", env=environment, stderr=subprocess.DEVNULL) as process:
        wait_until(lambda: len(list((out / "runs").glob("*/run/log.jsonl"))) == 2)
        process.kill()
    base = finished(out)
    assert len(base) == 1
    kept = {path: path.stat().st_mtime_ns for path in (out / "runs" / base[0]).rglob("*.ckpt")}
    assert kept

    outcome = warm(*words[1:])
    assert outcome.status == 1, outcome.stderr
    assert "broken, seed 0 failed: model shelfnet_s cannot be built" in outcome.stderr
    assert "base, seed 0: begins" not in outcome.stderr
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    rows = rows_of(out, "速度")
    assert "nonsense" in rows["broken"]["failures"][0]["error"]
    assert rows["慢"]["comparison"]["verdict"] in ("better", "worse", "none")
    assert rows["慢"]["cost"]["processor_s"] > 0
    (kernels,) = rows["慢"]["cost"]["kernels"]
    assert kernels.split()[1] in ("bf16", "fp32")
    text = (out / "速度" / "table.md").read_text(encoding="utf-8")
    assert text.startswith("Compared at equal epochs: 3 epochs per row.\n")
    assert "- broken (seed 0): model shelfnet_s" in text
    log = (out / "runs" / base[0] / "run" / "log.jsonl").read_text()
    assert log.count("\n") == 3
    assert "更慢" in (out / "速度" / "report.html").read_text(encoding="utf-8")

    # Another table of the same base trains nothing: views are made of the base's run.
    runs = finished(out)
    outcome = warm("ablate", tables / "views.yaml", *words[3:])
    assert outcome.status == 0, outcome.stderr
    assert finished(out) == runs
    shared = rows_of(out, "views")
    assert shared["base"]["mean"] == rows["base"]["mean"]
    assert shared["views"]["cost"] == shared["base"]["cost"]


def test_another_version_or_other_data_is_refused(warm, photos, tables, place, data, tmp_path) -> None:
    out = tmp_path / "out"
    (out / "views").mkdir(parents=True)
    plan = {"data": str(photos), "digest": "of another day"}
    (out / "views" / "plan.json").write_text(json.dumps(plan))
    words = ["--data", photos, "--seeds", "1", "--out", out]
    assert (
        "was started with other settings (base, images, metric, rows, split)"
        in warm("ablate", tables / "views.yaml", *words).error
    )
    assert not (out / "runs").exists()


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--seeds", "1,2,1"], "--seeds contains 1 twice"),
        (["--epochs", "2", "--max-minutes", "3"], "--epochs and --max-minutes cannot be combined"),
        (["--jobs", "4096"], "--jobs must be at most"),
        (["--split", "train"], "--split must be"),
        (["--set", "train.lrr=1"], "unknown key 'train.lrr'; did you mean lr?"),
        (["--recipe", "grocery_cup"], "unknown recipe 'grocery_cup'; did you mean grocery_cpu"),
    ],
)
def test_bad_input_is_refused_before_anything_is_made(more, said, warm, photos, tables, tmp_path) -> None:
    outcome = warm("ablate", tables / "views.yaml", "--data", photos, "--out", tmp_path / "out", *more)
    assert said in outcome.error
    assert not (tmp_path / "out").exists()


def test_too_few_images_to_judge(warm, data, tables, tmp_path) -> None:
    outcome = warm("ablate", tables / "views.yaml", "--data", data, "--out", tmp_path / "out", "--split", "val")
    assert "but at least 10 are needed for evaluation" in outcome.error


def test_ctrl_c_stops_all_and_says_how_to_go_on(command, environment, photos, tables, place, tmp_path) -> None:
    words = [command, "ablate", str(tables / "views.yaml"), "--data", str(photos), "--out", str(tmp_path / "out")]
    words += ["--set", "train.epochs=3000", "--seeds", "1"]
    with subprocess.Popen(words, cwd=place / "working", env=environment, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        wait_until(lambda: list((tmp_path / "out" / "runs").glob("*/run/log.jsonl")))
        os.kill(process.pid, signal.SIGINT)
        rest = process.stderr.read()
    assert process.returncode == 130
    assert "Run the same command again to resume" in rest
    (run,) = (tmp_path / "out" / "runs").iterdir()
    epochs = (run / "run" / "log.jsonl").read_text()
    time.sleep(1)
    assert (run / "run" / "log.jsonl").read_text() == epochs, "a process trains on"


def test_tables_are_listed_and_shown(warm) -> None:
    assert "augmentation" in warm("ablations").stdout
    assert warm("ablations", "augmentation").stdout.startswith("# The contest solution's table")
    assert "did you mean augmentation" in warm("ablations", "augmentatoin").error


def test_a_folder_in_the_data_set_would_become_a_part_of_it(warm, photos, tables) -> None:
    out = photos / "ablations"
    outcome = warm("ablate", tables / "views.yaml", "--data", photos, "--out", out)
    assert f"{out} is inside the data set {photos}" in outcome.error
    assert not out.exists()
