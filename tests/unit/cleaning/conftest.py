"""A small data set of plain colours, whose classes have Chinese names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

Make = Callable[[dict[str, int]], Path]


def paint(path: Path, number: int) -> Path:
    """A small image that no other number gives."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 12), (number % 256, number // 256, 90)).save(path)
    return path


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Make a data set of as many images as each split/class says, and return its root."""

    def fill(counts: dict[str, int]) -> Path:
        root = tmp_path / "商品"
        number = 0
        for folder, count in counts.items():
            for place in range(count):
                number += 1
                paint(root / folder / f"{place}.jpg", number)
        return root

    return fill
