"""Finished runs of an ablation are told from those that were deleted."""

from __future__ import annotations

from pathlib import Path

from shelfmind.ablation.store import Cost, StepPlace
from shelfmind.ablation.worker import Meter


def test_a_finished_run_that_was_deleted_is_trained_again_from_zero_cost(tmp_path: Path) -> None:
    place = StepPlace(tmp_path)
    place.keep_cost(Cost(seconds=50, processor_s=40, cores=1))
    place.run.mkdir()
    assert not place.done
    assert Meter(place, print).before.seconds == 50, "an interrupted run goes on"
    place.keep_cost(Cost(seconds=60, processor_s=50, cores=1, done=True))
    assert place.done
    place.run.rmdir()
    assert not place.done
    assert Meter(place, print).before == Cost()
