"""What the verbs that train print at their end."""

from __future__ import annotations

import json
from dataclasses import make_dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from shelfmind.cli.outcomes.training import show_pretrained, show_resolutions
from shelfmind.display import Display
from shelfmind.evaluation.intervals import Interval
from shelfmind.evaluation.readout import Readout
from shelfmind.requests.improving import FixresRequest
from shelfmind.requests.training import PretrainRequest

WHOLE = Readout(0.5, Interval(0.4, 0.6), 0.75, Interval(0.7, 0.8), 200, 1000, False, 1000, None)


@pytest.mark.parametrize(
    ("readout", "said"),
    [
        (WHOLE, "linear probe: top-1 75.00% (70.00% to 80.00%) on validation"),
        (
            replace(WHOLE, linear_train_images=500, linear_note="fitted on a sample"),
            "linear probe: top-1 75.00% (70.00% to 80.00%) on validation; fitted on a sample",
        ),
        (
            replace(WHOLE, images=8, too_few_images=True),
            "linear probe: top-1 6 of 8 correct on validation: too few images for a percentage",
        ),
        (
            replace(WHOLE, linear_top1=None, linear_top1_ci95=None, linear_train_images=0, linear_note="left out: why"),
            "linear probe: left out: why",
        ),
    ],
)
def test_a_readout_says_what_its_probe_was_fitted_on(
    readout: Readout, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    show_pretrained(readout, PretrainRequest(data="photos", out=Path("run")), Display())
    neighbours, probe, *_ = capsys.readouterr().out.splitlines()
    assert neighbours.startswith("nearest neighbours: top-1 ")
    assert probe == said


def test_only_json_goes_to_standard_output_with_the_results_of_each_size(capsys: pytest.CaptureFixture[str]) -> None:
    facts = {"image_size": 160, "top1": 0.5, "resolutions": (), "kept": None, "images": 200, "too_few_images": False}
    outcome: Any = make_dataclass("Outcome", [*facts, "doubt"])(**facts, doubt=None)
    show_resolutions(outcome, FixresRequest(run="first", resolutions=(192,), out="o"), Display(), json_file=Path("-"))
    said = capsys.readouterr()
    assert json.loads(said.out)["image_size"] == 160
    assert "160 px (original)" in said.err
