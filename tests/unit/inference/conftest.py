"""The tiny network as an exported file, and a gallery of its vectors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def network(tiny: Any, tmp_path: Path) -> Path:
    """The exported file."""
    made: Path = tiny.write_network(tmp_path / "tiny.onnx")
    return made


@pytest.fixture
def gallery(tiny: Any, tmp_path: Path, network: Path) -> Path:
    """A calibrated gallery with one product."""
    made: Path = tiny.write_gallery(tmp_path / "gallery", network)
    return made
