"""An evaluation says how to calibrate where the confidence is off by more than chance, and only there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from shelfmind.cli.wording import as_typed
from shelfmind.evaluation import Evaluation, evaluate
from shelfmind.runs.folder import RunFolder

RUN, DATA = RunFolder(Path("runs/a b")), Path("photos.csv")


@pytest.fixture
def judged(make_predictions) -> Any:
    """An evaluation of so many images by a network that is sure of 95% and right in three of four."""

    def make(images: int, split: str = "test") -> Evaluation:
        right = images * 3 // 4
        labels = [0] * right + [1] * (images - right)
        return evaluate(make_predictions(labels, [[0.95, 0.05]] * images), None, split=split)

    return make


def test_a_poor_calibration_comes_with_advice_in_either_wording(judged: Any, mindspore: Any) -> None:
    from shelfmind.workflows.evaluate import calibration_advice

    (said,) = calibration_advice(judged(200), RUN, DATA)
    assert said == (
        "confidence and accuracy differ by 20.0% on average, significantly; calibrate with: "
        "shelfmind.calibrate(run='runs/a b', data='photos.csv')"
    )
    assert "20.0%" in as_typed(said)
    assert "shelfmind calibrate 'runs/a b'" in as_typed(said)


@pytest.mark.parametrize(("images", "split"), [(5, "test"), (200, "train"), (200, "train,val")])
def test_few_images_and_trained_ones_say_nothing_of_calibration(
    images: int, split: str, judged: Any, mindspore: Any
) -> None:
    from shelfmind.workflows.evaluate import calibration_advice

    assert calibration_advice(judged(images, split), RUN, DATA) == ()


@pytest.mark.parametrize(("format", "typed"), [(None, []), ("folder", ["--format", "folder"])])
def test_the_report_has_the_command_with_a_format_that_cannot_be_detected(
    format: str | None, typed: list[str], mindspore: Any
) -> None:
    from shelfmind.workflows.evaluate import calibrating_command

    assert calibrating_command(RUN, DATA, format) == ["shelfmind", "calibrate", "runs/a b", "photos.csv", *typed]
