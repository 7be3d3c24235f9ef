"""What an ablation does before its first training run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from shelfmind.ablation.ablate import Bench
from shelfmind.images import squares
from shelfmind.requests.ablating import AblateRequest


def test_at_equal_minutes_all_photos_are_decoded_before_the_first_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All ways to make squares are prepared: otherwise the first run of each would lose minutes to decoding."""
    monkeypatch.setenv("SHELFMIND_CACHE", str(tmp_path / "cache"))
    for split, images in (("train", 6), ("val", 10)):
        for name in ("红", "蓝"):
            folder = tmp_path / "photos" / split / name
            folder.mkdir(parents=True)
            for number in range(images):
                pixels = np.random.default_rng((len(name), number)).integers(0, 255, (40, 20, 3), np.uint8)
                Image.fromarray(pixels).save(folder / f"{number}.jpg")
    request = AblateRequest(table="resize", data=tmp_path / "photos", out=tmp_path / "out", seeds=1, max_minutes=1)
    bench = Bench.opened(request)
    cells = bench.expansion.cells(request.seeds)
    bench.decode_images(cells)
    samples = bench.data.catalog.samples
    prepared = {cell.answer.steps[0].recipe.data.resize: cell.answer.steps[0].recipe.data for cell in cells}  # type: ignore[union-attr]
    assert set(prepared) == {"structure_retention", "squash", "shorter_side_crop"}
    decoded: list[int] = []
    for data in prepared.values():
        squares.open_squares(samples, data, decoded.append)
    assert decoded == [len(samples)] * 3  # all at once, from the cache
