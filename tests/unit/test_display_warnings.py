"""Tables do not rate what too few images say, and warnings are said again as the last thing."""

from __future__ import annotations

import io
from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pytest
from rich.console import Console

from shelfmind.cli.outcomes.next_step import print_next_step
from shelfmind.display import Display, evaluation_table, resolutions_table
from shelfmind.evaluation import evaluate
from shelfmind.records import Predictions


def shown(table: object) -> str:
    console = Console(file=io.StringIO(), width=120)
    console.print(table)
    return console.file.getvalue()  # type: ignore[attr-defined]


@pytest.fixture
def predictions() -> Callable[[int], Predictions]:
    """So many images of one class of six, all recognised."""

    def make(images: int) -> Predictions:
        rows = np.tile(np.array([[0.95, 0.01, 0.01, 0.01, 0.01, 0.01]], np.float32), (images, 1))
        names = tuple(f"class {place}" for place in range(6))
        paths = tuple(f"{place}.jpg" for place in range(images))
        return Predictions(paths, np.zeros(images, np.int64), rows, np.zeros((images, 1), np.float32), names)

    return make


def test_one_image_is_no_hundred_percent(predictions: Callable[[int], Predictions]) -> None:
    said = shown(evaluation_table(evaluate(predictions(1), np.full(6, 200)).to_json()))
    assert "1 of 1 correct" in said
    assert "too few images for intervals, accuracy per class and calibration" in " ".join(said.split())
    assert not any(word in said for word in ("%", "macro", "many-shot", "calibration error"))


def test_a_group_of_few_images_among_many_is_not_rated(predictions: Callable[[int], Predictions]) -> None:
    figures = evaluate(predictions(30), np.full(6, 200)).to_json() | {"few_top1": 1.0, "shot_images": {"few": 2}}
    said = shown(evaluation_table(figures))
    assert "100.00%" in said
    assert "88.65% to 100.00%" in said
    assert next(line for line in said.splitlines() if "few-shot" in line).count("too few") == 1


def test_gains_of_few_images_are_counts() -> None:
    sizes = SimpleNamespace(image_size=80, as_is=0.5, tuned=0.75, gain=0.25, gain_ci95=(0.1, 0.4))
    outcome = SimpleNamespace(image_size=64, top1=0.5, images=4, too_few_images=True, resolutions=[sizes])
    few = shown(resolutions_table(outcome))
    assert "3 of 4" in few
    assert "+" not in few
    outcome.images, outcome.too_few_images = 400, False
    assert "+10.00 to +40.00" in shown(resolutions_table(outcome))


def test_warnings_are_said_at_once_and_once_more_at_the_end() -> None:
    display = Display()
    display.console = Console(file=io.StringIO(), width=60)
    display.warn("training ended after 1 step: a budget of 0.05 minutes is too short")
    display.warn("training ended after 1 step: a budget of 0.05 minutes is too short")
    display.line("report: r.html")
    display.repeat_warnings()
    lines = display.console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert len(lines) == 3
    assert lines[0] == lines[-1] == "warning: training ended after 1 step: a budget of 0.05 minutes is too short"
    display.repeat_warnings()
    assert len(display.console.file.getvalue().splitlines()) == 3  # type: ignore[attr-defined]


def test_a_warning_that_was_the_last_thing_said_is_not_repeated() -> None:
    display = Display()
    display.console = Console(file=io.StringIO(), width=60)
    display.warn("few images")
    display.repeat_warnings()
    assert display.console.file.getvalue() == "warning: few images\n"  # type: ignore[attr-defined]


def test_the_next_step_follows_the_warnings() -> None:
    display = Display()
    display.console = Console(file=io.StringIO(), width=120)
    display.warn("a budget is too short")
    display.line("report: r.html")
    print_next_step(display, "review", "shelfmind review r")
    display.repeat_warnings()
    lines = display.console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert lines[1:] == ["report: r.html", "warning: a budget is too short", "next: review: shelfmind review r"]
