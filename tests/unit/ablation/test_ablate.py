"""What an ablation does before its first training run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from shelfmind.ablation.ablate import Bench, ablate
from shelfmind.ablation.processes import Cells
from shelfmind.files import cache_folder
from shelfmind.images.square_cache import SquareCache
from shelfmind.images.squares import CachedSquares
from shelfmind.requests.ablating import AblateRequest


@pytest.mark.parametrize(("length", "decoded_before"), [({"max_minutes": 1}, True), ({"epochs": 1}, False)])
def test_at_equal_minutes_all_photos_are_decoded_before_the_first_run(
    length: dict[str, Any], decoded_before: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All ways to make squares are prepared: otherwise the first run of each would lose minutes to decoding."""
    monkeypatch.setenv("SHELFMIND_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(Cells, "work", lambda self, cells: (each for each in ()))
    for split, images in (("train", 6), ("val", 10)):
        for name in ("红", "蓝"):
            folder = tmp_path / "photos" / split / name
            folder.mkdir(parents=True)
            for number in range(images):
                pixels = np.random.default_rng((ord(name), images, number)).integers(0, 255, (40, 20, 3), np.uint8)
                Image.fromarray(pixels).save(folder / f"{number}.jpg")
    request = AblateRequest(table="resize", data=tmp_path / "photos", out=tmp_path / "out", seeds=1, **length)
    ablate(request)
    bench = Bench.opened(request)
    recipes = [step.recipe for cell in bench.expansion.cells(request.seeds) for step in cell.answer.steps]
    prepared = {recipe.data.resize: recipe.data for recipe in recipes if recipe is not None}
    assert set(prepared) == {"structure_retention", "squash", "shorter_side_crop"}
    paths = [sample.path for sample in bench.data.catalog.samples]
    for data in prepared.values():
        cached = CachedSquares(paths, data, SquareCache(cache_folder() / "squares", data))
        assert len(cached.absent) == (0 if decoded_before else len(paths))
