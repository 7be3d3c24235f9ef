"""Photos measured by the squares that a network sees."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from shelfmind.analysis.measuring import squares as module
from shelfmind.analysis.measuring.squares import measure_squares
from shelfmind.images.resize import RESIZES, RESTORED
from shelfmind.images.squares import open_squares, squares_of_some
from shelfmind.progress import count_silently
from shelfmind.recipe import DataRecipe
from shelfmind.records import Sample


@pytest.fixture
def samples(tmp_path: Path, make_photo: Any, encode: Any) -> list[Sample]:
    found = []
    for number, size in enumerate([(160, 90), (60, 200), (128, 128)]):
        path = tmp_path / f"照片{number}.jpg"
        path.write_bytes(encode(make_photo(number, *size)))
        found.append(Sample(path, 0, "test"))
    return found


@pytest.mark.parametrize("resize", sorted(RESIZES))
def test_sizes_are_the_photos_and_nothing_is_measured_twice(
    resize: str, samples: list[Sample], monkeypatch: pytest.MonkeyPatch
) -> None:
    data = DataRecipe(image_size=64, resize_to=64, resize=resize)
    squares, good, _ = open_squares(samples, data)
    paths = [sample.path for sample in good]
    found = measure_squares(squares, paths, data, count_silently)
    assert [(int(each["width"]), int(each["height"])) for each in found] == [(160, 90), (60, 200), (128, 128)]
    assert (found["contrast"] > 5).all()
    monkeypatch.setattr(module, "_measured", None)  # to measure again would raise
    again = measure_squares(squares, paths, data, count_silently)
    np.testing.assert_array_equal(again, found)


def test_a_file_that_changed_is_measured_anew(samples: list[Sample]) -> None:
    data = DataRecipe(image_size=64, resize_to=64)
    before = measure_squares(open_squares(samples, data)[0], [each.path for each in samples], data, count_silently)
    Image.new("RGB", (100, 50), "white").save(samples[1].path)
    after = measure_squares(open_squares(samples, data)[0], [each.path for each in samples], data, count_silently)
    assert after["luma"][1] > 250 > before["luma"][1]
    assert (after["width"][1], after["height"][1]) == (100, 50)
    np.testing.assert_array_equal(after[[0, 2]], before[[0, 2]])


@pytest.mark.parametrize("size", [(200, 80), (80, 200), (100, 100), (300, 7)])
@pytest.mark.parametrize("resize", sorted(RESTORED))
def test_a_square_gives_back_its_photo(resize: str, size: tuple[int, int]) -> None:
    assert set(RESTORED) == set(RESIZES)
    photo = Image.new("RGB", size, (10, 200, 30))
    square = RESIZES[resize](photo, 64, (255, 0, 255))
    restored = RESTORED[resize](square, *size)
    assert (np.asarray(restored) == (10, 200, 30)).all()
    if resize != "shorter_side_crop":
        assert restored.width / restored.height == pytest.approx(
            size[0] / size[1], rel=0.04, abs=0.6 * (7 in size) * 40
        )


def test_squares_of_all_serve_for_some(samples: list[Sample]) -> None:
    data = DataRecipe(image_size=64, resize_to=64)
    decoded, chosen = squares_of_some(samples, [2, 0], data)
    assert chosen == [samples[2], samples[0]]
    whole, *_ = open_squares(samples, data)
    selected, chosen = squares_of_some(samples, [2, 0], data)
    assert chosen == [samples[2], samples[0]]
    for found in (decoded, selected):
        np.testing.assert_array_equal(found[0], whole[2])
        np.testing.assert_array_equal(found[1], whole[0])
