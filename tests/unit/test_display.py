"""What is shown while work goes on: each kind of thing in its unit, lines where there is no terminal."""

from __future__ import annotations

import io
import re

import numpy as np
import pytest
from rich.console import Console

from shelfmind import display as module
from shelfmind.display import Display, TrainingDisplay, evaluation_table
from shelfmind.evaluation import evaluate
from shelfmind.evaluation.overlap import Overlap


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
    assert lines == ["0", "25", "49"]
