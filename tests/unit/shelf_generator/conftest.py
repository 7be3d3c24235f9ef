"""One generated set that all tests read, and a plan that is large enough for statistics."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

from shelfmind import generate
from shelfmind.shelf_generator.plan import DataSetPlan, make_plan
from shelfmind.shelf_generator.settings import make_settings

SMALL: dict[str, Any] = {
    "classes": 10,
    "images": 60,
    "seed": 3,
    "label_errors": 0.1,
    "duplicates": 0.1,
    "test_fraction": 0.2,
    "others_share": 0.1,
    "long_side": (64, 96),
}


@pytest.fixture(scope="session")
def small_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """60 small photos of 10 classes with 6 label errors and 6 near-copies, drawn in this process."""
    root = tmp_path_factory.mktemp("generated") / "set"
    generate(root, workers=1, **SMALL)
    return root


@pytest.fixture(scope="session")
def truth(small_set: Path) -> list[dict[str, str]]:
    """The rows of its truth.csv."""
    with (small_set / "truth.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture(scope="session")
def large_plan() -> DataSetPlan:
    """300 classes and 12,000 photos, planned and not drawn."""
    return make_plan(make_settings({"classes": 300, "images": 12_000, "label_errors": 0.1, "duplicates": 0.05}))
