"""The tangent distance keeps altered copies and rejects other pictures, without aligning them."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from shelfmind.analysis.near_duplicates import tangents as module
from shelfmind.analysis.near_duplicates.groups import Limits
from shelfmind.analysis.near_duplicates.tangents import tangent_distances
from shelfmind.images.fingerprints import FINGERPRINT, fingerprint


def prints(*images):
    return np.array([fingerprint(image) for image in images], FINGERPRINT)


@pytest.fixture
def photos(make_photo):
    return [make_photo(seed, 300, 260) for seed in range(12)]


ALTERED = {
    "the same": lambda photo: photo,
    "smaller": lambda photo: photo.resize((100, 87), Image.Resampling.LANCZOS),
    "cropped": lambda photo: photo.crop((10, 0, 295, 252)),
    "cropped on all sides": lambda photo: photo.crop((12, 10, 288, 250)),
    "darker": lambda photo: ImageEnhance.Brightness(photo).enhance(0.8),
}


@pytest.mark.parametrize("alteration", ALTERED)
def test_a_copy_is_near_and_others_are_far(alteration, photos) -> None:
    originals, copies = prints(*photos), prints(*map(ALTERED[alteration], photos))
    pairs = np.stack(np.meshgrid(np.arange(12), np.arange(12), indexing="ij"), -1).reshape(-1, 2)
    distances = tangent_distances(pairs, originals, copies)
    own = pairs[:, 0] == pairs[:, 1]
    assert distances[own].max() < Limits().tangent < distances[~own].min()


def test_the_direction_does_not_matter(photos) -> None:
    originals, copies = prints(*photos), prints(*map(ALTERED["cropped"], photos))
    pairs = np.array([(0, 0), (3, 5), (7, 7)])
    there, back = tangent_distances(pairs, originals, copies), tangent_distances(pairs[:, ::-1], copies, originals)
    np.testing.assert_allclose(there, back, atol=1e-5)


def test_many_pairs_are_as_one_by_one(photos, monkeypatch) -> None:
    originals = prints(*photos)
    pairs = np.array([(one, two) for one in range(12) for two in range(one)])
    together = tangent_distances(pairs, originals, originals)
    monkeypatch.setattr(module, "_PAIRS_AT_ONCE", 1)
    np.testing.assert_allclose(tangent_distances(pairs, originals, originals), together, atol=1e-4)


def test_flat_pictures_and_no_pairs() -> None:
    flat = prints(*(Image.new("RGB", (40, 40), colour) for colour in ("black", "white", "red")))
    assert np.isfinite(tangent_distances(np.array([(0, 1), (1, 2), (2, 2)]), flat, flat)).all()
    assert tangent_distances(np.zeros((0, 2), np.int64), flat, flat).shape == (0,)
