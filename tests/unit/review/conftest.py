"""An audit of four plain images in two classes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from shelfmind.analysis.suspects import Suspect
from shelfmind.review.audit_folder import AuditFolder, read_audit


def suspect(path: str, given: str, suggested: str | None, score: float, **more: Any) -> Suspect:
    return Suspect(path, "train", given, suggested, more.pop("kind", "label"), score, "why", **more)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The data set."""
    folder = tmp_path / "商品"
    for number, name in enumerate(("可乐/1.jpg", "可乐/2.jpg", "雪碧/1.jpg", "雪碧/2.png")):
        path = folder / "train" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (60, 90), (60 * number, 90, 30)).save(path)
    (folder / "test" / "可乐").mkdir(parents=True)
    Image.new("RGB", (900, 2700), "red").save(folder / "test" / "可乐" / "large.png")
    return folder


@pytest.fixture
def audit(root: Path, tmp_path: Path, auditing: Any) -> AuditFolder:
    """Three suspects; the last of them has no suggestion."""
    suspects = [
        suspect("train/可乐/1.jpg", "可乐", "雪碧", 0.9, neighbours=("train/雪碧/1.jpg",)),
        suspect("train/雪碧/2.png", "雪碧", "可乐", 0.8, given_neighbours=("train/雪碧/1.jpg",)),
        suspect("train/可乐/2.jpg", "可乐", None, 0.7, kind="outlier"),
    ]
    return read_audit(auditing.write_audit(tmp_path / "audit", root, ["可乐", "雪碧", "芬达（1L）"], suspects))
