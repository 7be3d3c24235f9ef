"""Drawn photos in numbers: proportions, and how far coarse thumbnails tell products apart as difficulty grows."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from shelfmind.shelf_generator.settings import make_settings
from shelfmind.shelf_generator.studio import COLUMNS, Studio

CLASSES, PHOTOS = 10, 12
KNOWN = PHOTOS // 2
FEW = {"classes": CLASSES, "images": CLASSES * PHOTOS, "seed": 2, "tail": 0, "others_share": 0, "family_size": 2}
COARSE = (12, 20)


def thumbnails(**values: Any) -> npt.NDArray[np.float64]:
    """Normalised, of shape (classes, photos of a class, pixels)."""
    studio = Studio(make_settings({**FEW, "long_side": (64, 64), "fonts": ("none",), **values}))
    drawn = [Image.open(io.BytesIO(studio.photo(number)[0])) for number in range(studio.plan.photos)]
    flat = np.array([np.asarray(image.resize(COARSE), float).ravel() for image in drawn])
    flat -= flat.mean(1, keepdims=True)
    return (flat / np.linalg.norm(flat, axis=1, keepdims=True)).reshape(CLASSES, PHOTOS, -1)


def recognised(known: npt.NDArray[np.float64], asked: npt.NDArray[np.float64]) -> float:
    """Share of the asked photos whose most similar known photo is of the same class."""
    likeness = asked.reshape(-1, asked.shape[-1]) @ known.reshape(-1, known.shape[-1]).T
    found = likeness.argmax(1) // known.shape[1]
    return float((found == np.repeat(np.arange(CLASSES), asked.shape[1])).mean())


def test_recognition_fades_with_difficulty_and_does_not_break_off() -> None:
    known = thumbnails(difficulty=0.3)[:, :KNOWN]
    shares = [recognised(known, thumbnails(difficulty=level)[:, KNOWN:]) for level in (0.3, 2.0, 5.0)]
    assert shares == sorted(shares, reverse=True)
    assert shares[0] > 0.6  # far above the tenth that guessing gives
    assert shares[0] > shares[2] + 0.15
    assert shares[2] > 0.15


def test_photos_have_the_proportions_that_were_planned() -> None:
    """Angle, margins and lids change them; the median over 150 photos of 50 products is right within 4%."""
    settings = {"classes": 50, "images": 150, "tail": 0, "others_share": 0, "long_side": (64, 64), "fonts": ("none",)}
    studio = Studio(make_settings(settings))
    found = [
        row[COLUMNS.index("height")]
        / row[COLUMNS.index("width")]
        / studio.plan.products[studio.plan.given[number]].ratio
        for number in range(150)
        for row in [studio.photo(number)[1]]
    ]
    assert np.median(found) == pytest.approx(1, abs=0.04)
    assert np.std(np.log(found)) < 0.13


def test_siblings_are_what_is_confused() -> None:
    """With one product a line the same coarse look finds more."""
    shares = []
    for family_size in (1, 6):
        photos = thumbnails(difficulty=0.6, family_size=family_size)
        shares.append(recognised(photos[:, :KNOWN], photos[:, KNOWN:]))
    assert shares[0] > shares[1] + 0.1
