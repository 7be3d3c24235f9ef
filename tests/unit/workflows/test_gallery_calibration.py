"""How many photos a calibration rehearses."""

from __future__ import annotations

import pytest

from shelfmind.workflows.gallery_calibration import MAX_REHEARSED, MIN_REHEARSED, most_rehearsed


@pytest.mark.parametrize(
    ("classes", "photos"), [(12, MAX_REHEARSED), (2_388, MAX_REHEARSED), (10_000, 1_200), (100_000, MIN_REHEARSED)]
)
def test_fewer_photos_are_rehearsed_with_many_classes(classes: int, photos: int) -> None:
    assert most_rehearsed(classes) == photos
