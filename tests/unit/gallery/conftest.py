"""A gallery whose vectors come from the photos' bytes, and photos made of a few of them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shelfmind.gallery.gallery import Gallery
from shelfmind.gallery.plan import Attribution
from shelfmind.gallery.storage import LocalFiles

WIDTH = 8
ME = Attribution("tester", "because")


@dataclass
class ByContent:
    """Draws a photo's vector from its content; counts the photos that it was asked for."""

    weights: str = "first"
    asked: list[bytes] = field(default_factory=list)
    width: int = WIDTH

    @property
    def identity(self) -> Mapping[str, Any]:
        """Of weights with this name."""
        return {"weights": self.weights, "width": self.width}

    def embed(self, photos: Iterable[bytes], total: int) -> np.ndarray:
        """A vector a photo."""
        given = list(photos)
        assert len(given) == total
        self.asked += given
        return np.stack([self.vector(photo) for photo in given])

    def vector(self, photo: bytes) -> np.ndarray:
        """A unit vector."""
        seed = int.from_bytes(hashlib.sha256(self.weights.encode() + photo).digest()[:8], "big")
        row = np.random.default_rng(seed).standard_normal(self.width).astype(np.float32)
        return row / np.linalg.norm(row)


@pytest.fixture
def embedder() -> ByContent:
    return ByContent()


@pytest.fixture
def files(tmp_path: Path) -> LocalFiles:
    return LocalFiles(tmp_path / "画廊 gallery")


@pytest.fixture
def gallery(files: LocalFiles, embedder: ByContent) -> Gallery:
    return Gallery.create(files, embedder, ME)
