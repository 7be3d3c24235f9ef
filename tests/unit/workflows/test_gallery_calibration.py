"""Which photos a calibration rehearses, and how many."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from shelfmind.gallery.gallery import Gallery
from shelfmind.gallery.photos import Photo
from shelfmind.gallery.plan import Attribution
from shelfmind.gallery.stores import open_files
from shelfmind.inference.embedder import photo_embedder
from shelfmind.progress import count_silently
from shelfmind.workflows.gallery_calibration import MAX_REHEARSED, MIN_REHEARSED, _enrolled, most_rehearsed


@pytest.mark.parametrize(
    ("classes", "photos"), [(12, MAX_REHEARSED), (2_388, MAX_REHEARSED), (10_000, 1_200), (100_000, MIN_REHEARSED)]
)
def test_fewer_photos_are_rehearsed_with_many_classes(classes: int, photos: int) -> None:
    assert most_rehearsed(classes) == photos


def test_enrolled_products_that_are_trained_classes_are_left_out(tiny: Any, tmp_path: Path) -> None:
    network = tiny.write_network(tmp_path / "tiny.onnx")
    gallery, embedder = Gallery(open_files(tiny.write_gallery(tmp_path / "gallery", network))), photo_embedder(network)
    blue = tiny.encoded(tiny.COLOURS["blue soda"])
    known = [Photo(name, "blue.jpg", blue) for name in ("blue soda", "ｂｌｕｅ soda")]
    gallery.add(known, embedder, Attribution("test"))
    photos, products = _enrolled(gallery, embedder.predictor, count_silently)  # type: ignore[arg-type]
    assert products == ("yellow 500 ml",)
    assert photos.labels.tolist() == [0, 0, 0]
