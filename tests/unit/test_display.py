"""What is shown while work goes on: each kind of thing in its unit, lines where there is no terminal."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from shelfmind import display as module
from shelfmind.display import Display, TrainingDisplay, evaluation_table
from shelfmind.evaluation import evaluate
from shelfmind.evaluation.overlap import Overlap
from shelfmind.recipe import Recipe
from shelfmind.training.watching import StepFigures, TrainingStart


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that `display` reads, to be set."""
    seconds = [0.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: seconds[0])
    return seconds


def shown(terminal: bool) -> tuple[Display, io.StringIO]:
    display, stream = Display(), io.StringIO()
    display.console = Console(file=stream, force_terminal=terminal, width=150, highlight=False, no_color=True)
    return display, stream


@pytest.mark.parametrize(
    ("unit", "total", "done", "said"),
    [
        ("images", 80, 40, "work: 40 of 80, 2 images/s"),
        ("pairs", None, 40_000, "work: 40000, 2000 pairs/s"),
        ("models", 17, 5, "work: 5 of 17, 0.25 models/s"),
        ("bytes", 110_512_480, 44_000_000, "work: 44.0 of 110.5 MB, 2.2 MB/s"),
        ("bytes", None, 44_000_000, "work: 44.0 MB, 2.2 MB/s"),
    ],
)
def test_a_line_says_how_many_of_what(unit: str, total: int | None, done: int, said: str, clock: list[float]) -> None:
    display, stream = shown(terminal=False)
    progress = display.counter("work", total, unit)
    clock[0] = 20.0
    progress(done)
    assert stream.getvalue().strip() == said


@pytest.mark.parametrize(
    ("unit", "done", "said"), [("bytes", 3_000_000, "3.0 of 4.0 MB"), ("pairs", 3_000_000, "3000000/4000000")]
)
def test_a_bar_says_how_many_of_what(unit: str, done: int, said: str) -> None:
    display, stream = shown(terminal=True)
    with display.showing():
        display.counter("work", 4_000_000, unit)(done)
    assert said in stream.getvalue()
    assert ("MB/s" in stream.getvalue()) == (unit == "bytes")
    assert "images/s" not in stream.getvalue()


def test_no_accuracy_in_the_table_looks_certain(make_predictions) -> None:
    labels = np.repeat(np.arange(7), 3)
    counts = np.array([101, 101, 101, 101, 20, 20, 19])
    predictions = make_predictions(labels, np.eye(7)[labels])
    _, stream = shown(terminal=False)
    console = Console(file=stream, width=150)
    console.print(evaluation_table(evaluate(predictions, counts, seen=Overlap(0, 0, 1)).to_json()))
    rows = [line for line in stream.getvalue().splitlines() if "100.00%" in line]
    assert len(rows) == 4  # top-1, top-5, macro and many-shot, whose twelve images are all right
    assert all(re.search(r"[1-9]\d\.\d\d% to 100\.00%", line) for line in rows)
    assert stream.getvalue().count("too few images to evaluate") == 2
    assert "1 near-duplicate " in stream.getvalue()


def test_epochs_shorter_than_a_line_is_read_are_not_all_printed(clock: list[float]) -> None:
    display, stream = shown(terminal=False)
    training = TrainingDisplay(display)
    speeds = {"image_size": 64, "train_loss": 1.0, "val_loss": None, "val_top1": None, "images_per_second": 9.0}
    for epoch in range(50):
        clock[0] = epoch / 5
        training.epoch({**speeds, "epoch": epoch, "progress": (epoch + 1) / 50, "elapsed_s": clock[0]})
    lines = [line.split()[1] for line in stream.getvalue().splitlines() if line.startswith("epoch")]
    assert lines == ["1", "26", "50"]


def test_a_step_has_no_speed_before_one_was_timed(clock: list[float]) -> None:
    display, stream = shown(terminal=False)
    training = TrainingDisplay(display)
    first = StepFigures(0, 1, 1, 3, 0.1, 2.5, 0.0)
    for step, figures in enumerate((first, replace(first, images_per_second=0.4), replace(first, images_per_second=9))):
        clock[0] = 60.0 * (step + 1)
        training.step(figures)
    lines = stream.getvalue().splitlines()
    assert lines[0] == "training 10.0%: epoch 1 step 1/3 loss 2.500"
    assert [line.partition("2.500 ")[2] for line in lines[1:]] == ["0.40 images/s", "9 images/s"]


@pytest.mark.parametrize("terminal", [True, False])
def test_compilation_is_announced_once(terminal: bool) -> None:
    display, stream = shown(terminal=terminal)
    training = TrainingDisplay(display)
    start = TrainingStart(Path("run"), Recipe(), "shelfnet_s()", 9, 3, 0, 2, 0.5)
    for _ in range(2):
        training.begin(start)
    assert stream.getvalue().count("compiling the network") == (0 if terminal else 1)
    assert "resuming after epoch 2" in stream.getvalue()


def test_a_handful_of_photos_has_no_speed_in_the_table(make_predictions) -> None:
    few = evaluate(make_predictions(np.arange(3), np.eye(3)), np.array([5, 5, 5])).to_json()
    assert "images/s" not in _first_cells(few)
    assert "images/s" in _first_cells({**few, "too_few_images": False})


def _first_cells(figures: dict[str, Any]) -> list[Any]:
    return list(evaluation_table(figures).columns[0].cells)
