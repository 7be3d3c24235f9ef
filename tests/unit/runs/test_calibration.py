"""A temperature is used with the weights and views that it was fitted to, and replaced only by saying so."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from shelfmind.evaluation.calibration import TemperatureScaling
from shelfmind.evaluation.intervals import Interval
from shelfmind.runs.calibration import note_on_temperature, read_temperature, write_temperature
from shelfmind.runs.folder import RunFolder

WEIGHTS = "abc"


def scaling(temperature: float, kept: bool) -> TemperatureScaling:
    interval = Interval(0.1, 0.3) if kept else Interval(-0.1, 0.1)
    return TemperatureScaling(temperature, 0.2, 0.1, 80, 1.7, kept, "because", 0.2, interval)


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    """An empty run folder."""
    return RunFolder(tmp_path)


def test_what_was_decided_and_why_is_in_the_file(run: RunFolder) -> None:
    assert write_temperature(run, scaling(1.0, False), WEIGHTS, ["flip"], "val") is None
    content = json.loads(run.calibration.read_text())
    assert (content["temperature"], content["fitted"], content["kept"]) == (1.0, 1.7, False)
    assert (content["reason"], content["gain_ci95"]) == ("because", [-0.1, 0.1])
    assert read_temperature(run, WEIGHTS, ["flip"]) == 1.0


def test_an_earlier_one_is_taken_away_by_saying_so(run: RunFolder) -> None:
    write_temperature(run, scaling(1.7, True), WEIGHTS, ["flip"], "val")
    assert read_temperature(run, WEIGHTS, ["flip"]) == 1.7
    assert write_temperature(run, scaling(1.0, False), WEIGHTS, ["flip"], "val") == 1.7
    assert read_temperature(run, WEIGHTS, ["flip"]) == 1.0
    assert json.loads(run.calibration.read_text())["replaced"] == 1.7


def test_one_for_other_views_stays_unless_a_new_one_is_kept(run: RunFolder) -> None:
    write_temperature(run, scaling(1.7, True), WEIGHTS, ["flip"], "val")
    assert write_temperature(run, scaling(1.0, False), WEIGHTS, [], "val") is None
    assert read_temperature(run, WEIGHTS, ["flip"]) == 1.7
    assert write_temperature(run, scaling(1.2, True), WEIGHTS, [], "val") == 1.7
    assert (read_temperature(run, WEIGHTS, []), read_temperature(run, WEIGHTS, ["flip"])) == (1.2, 1.0)


def test_one_of_other_weights_or_a_damaged_one_is_nothing(run: RunFolder) -> None:
    write_temperature(run, scaling(1.7, True), "others", [], "val")
    assert write_temperature(run, scaling(1.0, False), WEIGHTS, [], "val") is None
    run.calibration.write_text("{}")
    assert write_temperature(run, scaling(1.2, True), WEIGHTS, [], "val") is None
    assert read_temperature(run, WEIGHTS, []) == 1.2


def test_images_that_a_temperature_was_fitted_to_do_not_judge_it_unsaid(run: RunFolder) -> None:
    assert note_on_temperature(run, 1.0, "val") == ()
    write_temperature(run, scaling(1.7, True), WEIGHTS, [], "val,new")
    (note,) = note_on_temperature(run, 1.7, "test,new")
    assert note.startswith("the temperature 1.700 was fitted to images of new")
    assert note_on_temperature(run, 1.7, "test") == ()
    assert note_on_temperature(run, 1.0, "val") == ()  # it is not used with these views
